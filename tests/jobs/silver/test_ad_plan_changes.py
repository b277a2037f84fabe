from datetime import UTC, date, datetime

import pytest

from jobs.silver.ad_plan_changes import KEY, Params, build
from tests.jobs.silver.log_cases import check_local_midnight, check_nights, log_rules
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE, FEED = "silver.ad_plan_changes", "bronze.channel_ad_plans"
GOOD = {
    "op": "S",
    "change_seq": "1",
    "changed_at": "2024-03-04 09:00:00",
    "ad_plan_id": "p1",
    "campaign_id": "",
    "channel": "search",
    "labels": "brand;autumn",
    "starts_on": "2024-01-01",
    "ends_on": "",
}


def delivered(spark, *changes):
    return rows(spark, FEED, [{**GOOD, **change} for change in changes])


def build_log(feed, earlier):
    return build(changes=feed, earlier=earlier, params=Params(time_zone="Asia/Shanghai"))


def test_build__good_row__typed(spark):
    (row,) = build_log(delivered(spark, {}), rows(spark, TABLE)).collect()
    assert (row["_verdict"], row["op"], row["is_deleted"]) == ("kept", "S", False)
    assert row["changed_at"].astimezone(UTC) == datetime(2024, 3, 4, 1, tzinfo=UTC)
    assert str(row["effective_date"]) == "2024-03-04"
    assert row["starts_on"] == date(2024, 1, 1)
    assert row["ends_on"] is None
    assert row["labels"] == "brand;autumn"
    assert row["campaign_id"] is None


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "ad_plan_id_missing": {"ad_plan_id": None},
        "channel_missing": {"channel": ""},
        "starts_on_missing": {"starts_on": ""},
        "ends_on_not_a_date": {"ends_on": "2024"},
        "op_unknown": {"op": "N"},
    }
    changes = [{"ad_plan_id": f"x{at}", **change} for at, change in enumerate(bad.values())]
    assert log_rules(spark, TABLE, build_log, delivered(spark, *changes)) == list(bad)


def test_build__no_input__no_rows(spark):
    assert build_log(delivered(spark), rows(spark, TABLE)).count() == 0


def test_build__change_just_after_local_midnight__counts_from_the_local_date(spark):
    check_local_midnight(spark, TABLE, delivered, build_log)


def test_build__nights__equal_in_one_pass_and_one_by_one(spark):
    assert set(KEY) == {"ad_plan_id"}
    check_nights(spark, TABLE, FEED, build_log, one=GOOD, other={"labels": "brand"}, key=("ad_plan_id",))
