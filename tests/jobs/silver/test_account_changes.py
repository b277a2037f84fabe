from datetime import UTC, date, datetime

import pytest

from jobs.silver.account_changes import KEY, Params, build
from tests.jobs.silver.log_cases import check_local_midnight, check_nights, log_rules
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE, FEED = "silver.account_changes", "bronze.trading_accounts"
GOOD = {
    "op": "S",
    "change_seq": "1",
    "changed_at": "2024-03-04 09:00:00",
    "account_id": "a1",
    "customer_no": "c1",
    "account_kind": "cash",
    "branch_id": "b1",
    "opened_on": "2023-03-01",
    "closed_on": "",
    "status": "open",
    "commission_rate": "0.000250",
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
    assert row["opened_on"] == date(2023, 3, 1)
    assert row["closed_on"] is None
    assert row["commission_rate"] == 0.00025


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "account_id_missing": {"account_id": None},
        "customer_no_missing": {"customer_no": " "},
        "opened_on_missing": {"opened_on": ""},
        "opened_on_not_a_date": {"opened_on": "20230301"},
        "closed_on_not_a_date": {"closed_on": "never"},
        "status_missing": {"status": ""},
        "commission_rate_not_a_number": {"commission_rate": "2.5e-4"},
        "op_unknown": {"op": "s"},
        "changed_at_not_a_time": {"changed_at": "2024-03-04 24:00:00"},
    }
    changes = [{"account_id": f"x{at}", **change} for at, change in enumerate(bad.values())]
    assert log_rules(spark, TABLE, build_log, delivered(spark, *changes)) == list(bad)


def test_build__no_input__no_rows(spark):
    assert build_log(delivered(spark), rows(spark, TABLE)).count() == 0


def test_build__change_just_after_local_midnight__counts_from_the_local_date(spark):
    check_local_midnight(spark, TABLE, delivered, build_log)


def test_build__nights__equal_in_one_pass_and_one_by_one(spark):
    assert set(KEY) == {"account_id"}
    check_nights(spark, TABLE, FEED, build_log, one=GOOD, other={"status": "frozen"}, key=("account_id",))
