import pytest

from jobs.silver.ad_plans import Params, build
from tests.jobs.silver.log_cases import check_versions

pytestmark = pytest.mark.spark


def test_build__changes_of_a_day_and_a_deletion__half_open_versions(spark):
    check_versions(
        spark,
        "silver.ad_plans",
        "silver.ad_plan_changes",
        lambda changes: build(changes=changes, params=Params()),
        key={"ad_plan_id": "k1"},
        changed={"labels": ("a", "b")},
    )
