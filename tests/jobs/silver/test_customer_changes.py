from datetime import UTC, date, datetime

import pytest

from jobs.silver.customer_changes import KEY, Params, build
from tests.jobs.silver.log_cases import check_local_midnight, check_nights, log_rules
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE, FEED = "silver.customer_changes", "bronze.crm_customers"
GOOD = {
    "op": "S",
    "change_seq": "1",
    "changed_at": "2024-03-04 09:00:00",
    "customer_no": "c1",
    "customer_kind": "person",
    "name": "k1_n",
    "name_masked": "张*",
    "birth_date": "1980-02-29",
    "risk_level": "C3",
    "risk_assessed_on": "2023-05-04",
    "other_broker_accounts": "2",
    "wecom_id": "",
}


def delivered(spark, *changes):
    return rows(spark, FEED, [{**GOOD, **change} for change in changes])


def build_log(feed, earlier):
    return build(changes=feed, earlier=earlier, params=Params(time_zone="Asia/Shanghai"))


@pytest.mark.smoke
def test_build__good_row__typed(spark):
    (row,) = build_log(delivered(spark, {}), rows(spark, TABLE)).collect()
    assert (row["_verdict"], row["op"], row["is_deleted"]) == ("kept", "S", False)
    assert row["changed_at"].astimezone(UTC) == datetime(2024, 3, 4, 1, tzinfo=UTC)
    assert str(row["effective_date"]) == "2024-03-04"
    assert row["birth_date"] == date(1980, 2, 29)
    assert row["other_broker_accounts"] == 2
    assert row["wecom_id"] is None
    assert row["name_masked"] == "张*"


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "customer_no_missing": {"customer_no": ""},
        "customer_kind_missing": {"customer_kind": None},
        "birth_date_not_a_date": {"birth_date": "1980-02-30"},
        "risk_assessed_on_not_a_date": {"risk_assessed_on": "soon"},
        "other_broker_accounts_not_a_number": {"other_broker_accounts": "two"},
        "op_unknown": {"op": "X"},
        "op_missing": {"op": ""},
        "changed_at_missing": {"changed_at": ""},
        "changed_at_not_a_time": {"changed_at": "2024-03-04"},
        "change_sequence_not_a_number": {"change_seq": "1.5"},
        "change_sequence_missing": {"change_seq": None},
    }
    changes = [{"customer_no": f"x{at}", **change} for at, change in enumerate(bad.values())]
    assert log_rules(spark, TABLE, build_log, delivered(spark, *changes)) == list(bad)


def test_build__no_input__no_rows(spark):
    assert build_log(delivered(spark), rows(spark, TABLE)).count() == 0


def test_build__change_just_after_local_midnight__counts_from_the_local_date(spark):
    check_local_midnight(spark, TABLE, delivered, build_log)


def test_build__nights__equal_in_one_pass_and_one_by_one(spark):
    assert set(KEY) == {"customer_no"}
    check_nights(spark, TABLE, FEED, build_log, one=GOOD, other={"city": "Wuhan"}, key=("customer_no",))
