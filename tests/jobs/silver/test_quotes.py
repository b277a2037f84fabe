from datetime import UTC, datetime
from decimal import Decimal

import pytest

from jobs.silver.quotes import Params, build
from tests.jobs.silver.fact_cases import check_bad_rows, check_repeats
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE, FEED = "silver.quotes", "bronze.market_quotes"
GOOD = {
    "product_id": "600000.SH",
    "quote_date": "2024-03-04",
    "open": "10.1",
    "high": "11",
    "low": "9.9",
    "close": "10.5",
    "prev_close": "10",
    "volume": "0",
    "turnover": "0.00",
    "backward_factor": "1.33333333",
    "nav_date": "",
    "published_at": "2024-03-04 15:05:00",
}


def delivered(spark, *changes):
    return rows(spark, FEED, [{**GOOD, **change} for change in changes])


def build_rows(spark, feed, earlier=None):
    past = rows(spark, TABLE) if earlier is None else earlier
    return build(quotes=feed, earlier=past, params=Params(time_zone="Asia/Shanghai"))


def test_build__good_row__typed(spark):
    (row,) = build_rows(spark, delivered(spark, {})).collect()
    assert (row["_verdict"], row["_rule"]) == ("kept", None)
    assert row["close"] == Decimal("10.5")
    assert row["backward_adjusted_close"] == Decimal("14.000000")  # 13.999999965
    assert row["nav_date"] is None
    assert row["volume"] == 0 and row["turnover"] == 0
    assert row["published_at"].astimezone(UTC) == datetime(2024, 3, 4, 7, 5, tzinfo=UTC)


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "product_id_missing": {"product_id": ""},
        "quote_date_missing": {"quote_date": None},
        "quote_date_not_a_date": {"quote_date": "20240304"},
        "close_missing": {"close": ""},
        "close_not_a_number": {"close": "1e1"},
        "high_not_a_number": {"high": "n/a"},
        "backward_factor_missing": {"backward_factor": ""},
        "turnover_not_a_number": {"turnover": "1,000"},
        "published_at_not_a_time": {"published_at": "15:05"},
        "backward_adjusted_close_too_large": {"close": "999999999", "backward_factor": "9999"},
    }
    check_bad_rows(spark, delivered, build_rows, "product_id", bad)


def test_build__no_input__no_rows(spark):
    assert build_rows(spark, delivered(spark)).count() == 0


def test_build__duplicate_late_and_corrected__equal_in_one_pass_and_night_by_night(spark):
    written = check_repeats(spark, TABLE, delivered, build_rows, {"close": "10.6"})
    assert [row["close"] for row in written] == [Decimal("10.5"), Decimal("10.6")]
