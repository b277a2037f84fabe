import pytest

from jobs.silver.branches import Params, build
from tests.jobs.silver.log_cases import check_versions

pytestmark = pytest.mark.spark


def test_build__changes_of_a_day_and_a_deletion__half_open_versions(spark):
    check_versions(
        spark,
        "silver.branches",
        "silver.branch_changes",
        lambda changes: build(changes=changes, params=Params()),
        key={"branch_id": "k1"},
        changed={"region": ("East", "West")},
    )
