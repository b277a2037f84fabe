import pytest

from jobs.silver.products import Params, build
from tests.jobs.silver.log_cases import check_versions

pytestmark = pytest.mark.spark


def test_build__changes_of_a_day_and_a_deletion__half_open_versions(spark):
    check_versions(
        spark,
        "silver.products",
        "silver.product_changes",
        lambda changes: build(changes=changes, params=Params()),
        key={"product_id": "k1"},
        changed={"risk_level": ("R3", "R4")},
    )
