import pytest

from jobs.silver.advisers import Params, build
from tests.jobs.silver.log_cases import check_versions

pytestmark = pytest.mark.spark


def test_build__changes_of_a_day_and_a_deletion__half_open_versions(spark):
    check_versions(
        spark,
        "silver.advisers",
        "silver.adviser_changes",
        lambda changes: build(changes=changes, params=Params()),
        key={"adviser_id": "v1"},
        changed={"branch_id": ("b1", "b2")},
    )
