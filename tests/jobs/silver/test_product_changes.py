from datetime import UTC, datetime
from decimal import Decimal

import pytest

from jobs.silver.product_changes import KEY, Params, build
from tests.jobs.silver.log_cases import check_nights, log_rules
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE, FEED = "silver.product_changes", "bronze.market_products"
GOOD = {
    "product_id": "600000.SH",
    "name": "浦江实业",
    "market": "SSE",
    "product_line": "stock",
    "risk_level": "R4",
    "term_days": "",
    "min_amount": "",
    "lot": "100",
    "settlement_cycle": "T+1",
    "currency": "CNY",
    "trail_fee_rate": "0.002",
}


def delivered(spark, *changes):
    return rows(spark, FEED, [{**GOOD, **change} for change in changes])


def build_log(feed, earlier):
    return build(changes=feed, earlier=earlier, params=Params(time_zone="Asia/Shanghai"))


def test_build__good_row__typed(spark):
    (row,) = build_log(delivered(spark, {}), rows(spark, TABLE)).collect()
    assert (row["_verdict"], row["op"], row["is_deleted"]) == ("kept", "S", False)
    assert row["changed_at"].astimezone(UTC) == datetime(2024, 3, 3, 16, tzinfo=UTC)
    assert str(row["effective_date"]) == "2024-03-04"
    assert row["term_days"] is None
    assert row["lot"] == Decimal(100)
    assert row["trail_fee_rate"] == 0.002


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "product_id_missing": {"product_id": ""},
        "name_missing": {"name": None},
        "product_line_missing": {"product_line": ""},
        "term_days_not_a_number": {"term_days": "90d"},
        "lot_not_a_number": {"lot": "1e2"},
        "min_amount_not_a_number": {"min_amount": "10,000"},
        "currency_missing": {"currency": ""},
        "trail_fee_rate_not_a_number": {"trail_fee_rate": "0.2%"},
    }
    changes = [{"product_id": f"x{at}", **change} for at, change in enumerate(bad.values())]
    assert log_rules(spark, TABLE, build_log, delivered(spark, *changes)) == list(bad)


def test_build__no_input__no_rows(spark):
    assert build_log(delivered(spark), rows(spark, TABLE)).count() == 0


def test_build__withdrawn_row__is_a_deletion(spark):
    (row,) = build_log(delivered(spark, {"_withdrawn": True}), rows(spark, TABLE)).collect()
    assert (row["op"], row["is_deleted"], row["_withdrawn"], row["_verdict"]) == ("D", True, False, "kept")


def test_build__nights__equal_in_one_pass_and_one_by_one(spark):
    assert set(KEY) == {"product_id"}
    check_nights(spark, TABLE, FEED, build_log, one=GOOD, other={"risk_level": "R5"}, key=("product_id",))
