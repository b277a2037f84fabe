from datetime import date

import pytest

from jobs.silver.adviser_book import Params, build
from tests.jobs.silver.log_cases import check_versions

pytestmark = pytest.mark.spark


def test_build__changes_of_a_day_and_a_deletion__half_open_versions(spark):
    check_versions(
        spark,
        "silver.adviser_book",
        "silver.adviser_book_changes",
        lambda changes: build(changes=changes, params=Params()),
        key={"adviser_id": "v1", "role": "service", "customer_no": "k1"},
        changed={"to_date": (date(2024, 12, 31), date(2025, 12, 31))},
    )
