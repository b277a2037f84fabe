from datetime import UTC, date, datetime

import pytest

from jobs.silver.ad_clicks import Params, build
from tests.jobs.silver.nights import at_once, of_nights, one_by_one
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
    changes = [{"click_id": f"x{at}", **change} for at, change in enumerate(bad.values())]
    found = build_rows(spark, delivered(spark, *changes)).orderBy("_line").collect()
    assert [row["_rule"] for row in found] == list(bad)
    assert {row["_verdict"] for row in found} == {"rejected"}


def test_build__no_input__no_rows(spark):
    assert build_rows(spark, delivered(spark)).count() == 0


def test_build__duplicate_late_and_corrected__equal_in_one_pass_and_night_by_night(spark):
    nights = ["2024-03-04", "2024-03-05"]
    late = {"_delivered_on": "2024-03-05"}
    feed = delivered(
        spark,
        {"_row_hash": 1},
        {"_row_hash": 1},  # the same again in the same file
        {"_row_hash": 1, **late},  # and the night after
        {"_row_hash": 2, **late},  # the same version, other content
        {"_row_hash": 3, "_sequence": 2, **late, **{"ad_plan_id": "p2"}},
    )

    def build_nights(run, earlier, previous):
        return build_rows(spark, of_nights(feed, run), earlier)

    written = one_by_one(spark, TABLE, nights, build_nights)
    assert written == at_once(spark, TABLE, nights, build_nights)
    assert [row["ad_plan_id"] for row in written] == ["p1", "p2"]
    verdicts = [row["_verdict"] for row in build_rows(spark, feed).orderBy("_line").collect()]
    assert verdicts == ["kept", "duplicate", "duplicate", "rejected", "kept"]
