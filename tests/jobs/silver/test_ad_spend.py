from datetime import date
from decimal import Decimal

import pytest

from jobs.silver.ad_spend import Params, build
from tests.jobs.silver.fact_cases import check_bad_rows, check_repeats
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE, FEED = "silver.ad_spend", "bronze.channel_ad_spend"
GOOD = {
    "spend_date": "2024-03-03",
    "channel": "metro",
    "ad_plan_id": "p1",
    "creative_id": "",
    "impressions": "",
    "reach": "",
    "clicks": "",
    "spend": "1000.50",
    "rebate": "",
    "currency": "CNY",
}


def delivered(spark, *changes):
    return rows(spark, FEED, [{**GOOD, **change} for change in changes])


def build_rows(spark, feed, earlier=None):
    past = rows(spark, TABLE) if earlier is None else earlier
    return build(ad_spend=feed, earlier=past, params=Params())


def test_build__good_row__typed(spark):
    (row,) = build_rows(spark, delivered(spark, {})).collect()
    assert (row["_verdict"], row["_rule"]) == ("kept", None)
    assert row["creative_id"] == "-"
    assert row["impressions"] is None and row["clicks"] is None
    assert (row["spend"], row["rebate"], row["net_spend_amount"]) == (Decimal("1000.5"), 0, Decimal("1000.5"))
    assert row["spend_date"] == date(2024, 3, 3)


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "spend_date_missing": {"spend_date": ""},
        "spend_date_not_a_date": {"spend_date": "3 March"},
        "channel_missing": {"channel": None},
        "ad_plan_id_missing": {"ad_plan_id": ""},
        "impressions_not_a_number": {"impressions": "1.5k"},
        "spend_missing": {"spend": ""},
        "spend_not_a_number": {"spend": "1e3"},
        "rebate_not_a_number": {"rebate": "5%"},
        "currency_missing": {"currency": ""},
    }
    check_bad_rows(spark, delivered, build_rows, "ad_plan_id", bad)


def test_build__no_input__no_rows(spark):
    assert build_rows(spark, delivered(spark)).count() == 0


def test_build__duplicate_late_and_corrected__equal_in_one_pass_and_night_by_night(spark):
    written = check_repeats(spark, TABLE, delivered, build_rows, {"spend": "900", "rebate": "100"})
    assert [row["net_spend_amount"] for row in written] == [Decimal("1000.5"), Decimal(800)]
