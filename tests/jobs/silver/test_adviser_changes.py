from datetime import UTC, date, datetime

import pytest

from jobs.silver.adviser_changes import KEY, Params, build
from tests.jobs.silver.log_cases import check_nights, log_rules
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE, FEED = "silver.adviser_changes", "bronze.crm_advisers"
GOOD = {
    "adviser_id": "v1",
    "name": "k1_n",
    "name_masked": "李*",
    "branch_id": "b1",
    "licence_no": "",
    "joined_on": "2020-01-02",
    "left_on": "",
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
    assert row["joined_on"] == date(2020, 1, 2)
    assert row["left_on"] is None
    assert row["licence_no"] is None


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "adviser_id_missing": {"adviser_id": ""},
        "name_missing": {"name": ""},
        "branch_id_missing": {"branch_id": None},
        "joined_on_missing": {"joined_on": ""},
        "left_on_not_a_date": {"left_on": "2024-02-30"},
    }
    changes = [{"adviser_id": f"x{at}", **change} for at, change in enumerate(bad.values())]
    assert log_rules(spark, TABLE, build_log, delivered(spark, *changes)) == list(bad)


def test_build__no_input__no_rows(spark):
    assert build_log(delivered(spark), rows(spark, TABLE)).count() == 0


def test_build__withdrawn_row__is_a_deletion(spark):
    (row,) = build_log(delivered(spark, {"_withdrawn": True}), rows(spark, TABLE)).collect()
    assert (row["op"], row["is_deleted"], row["_withdrawn"], row["_verdict"]) == ("D", True, False, "kept")


def test_build__nights__equal_in_one_pass_and_one_by_one(spark):
    assert set(KEY) == {"adviser_id"}
    check_nights(spark, TABLE, FEED, build_log, one=GOOD, other={"left_on": "2024-03-05"}, key=("adviser_id",))
