from datetime import UTC, date, datetime

import pytest

from jobs.silver.ad_clicks import Params, build
from tests.jobs.silver.fact_cases import check_bad_rows, check_repeats
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE, FEED = "silver.ad_clicks", "bronze.channel_clicks"
GOOD = {
    "click_id": "k1",
    "ad_plan_id": "p1",
    "device_id": "k1_d",
    "ip": "",
    "clicked_at": "2024-03-04 23:59:59",
}


def delivered(spark, *changes):
    return rows(spark, FEED, [{**GOOD, **change} for change in changes])


def build_rows(spark, feed, earlier=None):
    past = rows(spark, TABLE) if earlier is None else earlier
    return build(clicks=feed, earlier=past, params=Params(time_zone="Asia/Shanghai"))


def test_build__good_row__typed(spark):
    (row,) = build_rows(spark, delivered(spark, {})).collect()
    assert (row["_verdict"], row["_rule"]) == ("kept", None)
    assert row["click_date"] == date(2024, 3, 4)
    assert row["clicked_at"].astimezone(UTC) == datetime(2024, 3, 4, 15, 59, 59, tzinfo=UTC)
    assert (row["device_id"], row["ip"]) == ("k1_d", None)


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "click_id_missing": {"click_id": ""},
        "ad_plan_id_missing": {"ad_plan_id": None},
        "clicked_at_missing": {"clicked_at": ""},
        "clicked_at_not_a_time": {"clicked_at": "2024-03-04T25:00:00"},
    }
    check_bad_rows(spark, delivered, build_rows, "click_id", bad)


def test_build__no_input__no_rows(spark):
    assert build_rows(spark, delivered(spark)).count() == 0


def test_build__duplicate_late_and_corrected__equal_in_one_pass_and_night_by_night(spark):
    written = check_repeats(spark, TABLE, delivered, build_rows, {"ad_plan_id": "p2"})
    assert [row["ad_plan_id"] for row in written] == ["p1", "p2"]
