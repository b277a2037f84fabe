import pytest

from jobs.silver.customers import Params, build
from tests.jobs.silver.log_cases import check_versions

pytestmark = pytest.mark.spark


def test_build__changes_of_a_day_and_a_deletion__half_open_versions(spark):
    check_versions(
        spark,
        "silver.customers",
        "silver.customer_changes",
        lambda changes: build(changes=changes, params=Params()),
        key={"customer_no": "k1"},
        changed={"risk_level": ("C2", "C3")},
    )
