from datetime import UTC, date, datetime

import pytest

from jobs.silver.adviser_book_changes import KEY, Params, build
from tests.jobs.silver.log_cases import check_local_midnight, check_nights, log_rules
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE, FEED = "silver.adviser_book_changes", "bronze.crm_adviser_book"
GOOD = {
    "op": "S",
    "change_seq": "1",
    "changed_at": "2024-03-04 09:00:00",
    "adviser_id": "v1",
    "customer_no": "c1",
    "role": "service",
    "from_date": "2023-03-01",
    "to_date": "",
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
    assert row["from_date"] == date(2023, 3, 1)
    assert row["to_date"] is None


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "adviser_id_missing": {"adviser_id": None},
        "customer_no_missing": {"customer_no": ""},
        "role_missing": {"role": ""},
        "from_date_missing": {"from_date": ""},
        "to_date_not_a_date": {"to_date": "2024-2-1"},
        "op_unknown": {"op": "?"},
    }
    changes = [{"customer_no": f"x{at}", **change} for at, change in enumerate(bad.values())]
    assert log_rules(spark, TABLE, build_log, delivered(spark, *changes)) == list(bad)


def test_build__no_input__no_rows(spark):
    assert build_log(delivered(spark), rows(spark, TABLE)).count() == 0


def test_build__change_just_after_local_midnight__counts_from_the_local_date(spark):
    check_local_midnight(spark, TABLE, delivered, build_log)


def test_build__nights__equal_in_one_pass_and_one_by_one(spark):
    assert set(KEY) == {"adviser_id", "role", "customer_no"}
    check_nights(
        spark,
        TABLE,
        FEED,
        build_log,
        one=GOOD,
        other={"to_date": "2024-12-31"},
        key=("adviser_id", "role", "customer_no"),
    )
