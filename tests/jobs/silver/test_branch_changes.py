from datetime import UTC, datetime

import pytest

from jobs.silver.branch_changes import KEY, Params, build
from tests.jobs.silver.log_cases import check_nights, log_rules
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE, FEED = "silver.branch_changes", "bronze.crm_branches"
GOOD = {
    "branch_id": "b1",
    "parent_id": "",
    "name": "Wuhan Road",
    "region": "Central",
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
    assert row["parent_id"] is None
    assert row["region"] == "Central"


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "branch_id_missing": {"branch_id": ""},
        "name_missing": {"name": None},
    }
    changes = [{"branch_id": f"x{at}", **change} for at, change in enumerate(bad.values())]
    assert log_rules(spark, TABLE, build_log, delivered(spark, *changes)) == list(bad)


def test_build__no_input__no_rows(spark):
    assert build_log(delivered(spark), rows(spark, TABLE)).count() == 0


def test_build__withdrawn_row__is_a_deletion(spark):
    (row,) = build_log(delivered(spark, {"_withdrawn": True}), rows(spark, TABLE)).collect()
    assert (row["op"], row["is_deleted"], row["_withdrawn"], row["_verdict"]) == ("D", True, False, "kept")


def test_build__nights__equal_in_one_pass_and_one_by_one(spark):
    assert set(KEY) == {"branch_id"}
    check_nights(spark, TABLE, FEED, build_log, one=GOOD, other={"region": "East"}, key=("branch_id",))
