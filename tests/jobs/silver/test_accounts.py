import pytest

from jobs.silver.accounts import Params, build
from tests.jobs.silver.log_cases import check_versions

pytestmark = pytest.mark.spark


def test_build__changes_of_a_day_and_a_deletion__half_open_versions(spark):
    check_versions(
        spark,
        "silver.accounts",
        "silver.account_changes",
        lambda changes: build(changes=changes, params=Params()),
        key={"account_id": "k1"},
        changed={"status": ("open", "frozen")},
    )
