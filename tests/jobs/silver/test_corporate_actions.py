from datetime import date
from decimal import Decimal

import pytest

from jobs.silver.corporate_actions import Params, build
from tests.jobs.silver.fact_cases import check_bad_rows, check_repeats
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE, FEED = "silver.corporate_actions", "bronze.market_corporate_actions"
GOOD = {
    "product_id": "600000.SH",
    "kind": "dividend",
    "ratio": "",
    "cash_per_share": "0.35",
    "ex_date": "2024-06-20",
    "record_date": "2024-06-19",
    "pay_date": "",
}


def delivered(spark, *changes):
    return rows(spark, FEED, [{**GOOD, **change} for change in changes])


def build_rows(spark, feed, earlier=None):
    past = rows(spark, TABLE) if earlier is None else earlier
    return build(corporate_actions=feed, earlier=past, params=Params())


def test_build__good_row__typed(spark):
    (row,) = build_rows(spark, delivered(spark, {})).collect()
    assert (row["_verdict"], row["_rule"]) == ("kept", None)
    assert row["ratio"] == 0
    assert row["cash_per_share"] == Decimal("0.35")
    assert row["ex_date"] == date(2024, 6, 20)
    assert row["pay_date"] is None


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "product_id_missing": {"product_id": ""},
        "kind_missing": {"kind": None},
        "ratio_not_a_number": {"ratio": "3:10"},
        "cash_per_share_not_a_number": {"cash_per_share": "0,35"},
        "ex_date_missing": {"ex_date": ""},
        "record_date_not_a_date": {"record_date": "2024-06-31"},
        "pay_date_not_a_date": {"pay_date": "later"},
    }
    check_bad_rows(spark, delivered, build_rows, "product_id", bad)


def test_build__no_input__no_rows(spark):
    assert build_rows(spark, delivered(spark)).count() == 0


def test_build__duplicate_late_and_corrected__equal_in_one_pass_and_night_by_night(spark):
    written = check_repeats(spark, TABLE, delivered, build_rows, {"cash_per_share": "0.36"})
    assert [row["cash_per_share"] for row in written] == [Decimal("0.35"), Decimal("0.36")]
