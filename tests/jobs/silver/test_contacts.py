from datetime import UTC, date, datetime

import pytest

from jobs.silver.contacts import Params, build
from tests.jobs.silver.fact_cases import check_bad_rows, check_repeats
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE, FEED = "silver.contacts", "bronze.crm_contacts"
GOOD = {
    "contact_id": "t1",
    "customer_no": "",
    "phone": "k1_p",
    "adviser_id": "",
    "kind": "hotline",
    "direction": "in",
    "topic": "fee",
    "text": "asked for the fee",
    "started_at": "2024-03-04 00:10:00",
    "answered_at": "2024-03-04 00:11:30",
    "resolved_at": "",
    "satisfaction": "5",
}


def delivered(spark, *changes):
    return rows(spark, FEED, [{**GOOD, **change} for change in changes])


def build_rows(spark, feed, earlier=None):
    past = rows(spark, TABLE) if earlier is None else earlier
    return build(contacts=feed, earlier=past, params=Params(time_zone="Asia/Shanghai"))


def test_build__good_row__typed(spark):
    (row,) = build_rows(spark, delivered(spark, {})).collect()
    assert (row["_verdict"], row["_rule"]) == ("kept", None)
    assert row["customer_no"] is None and row["adviser_id"] is None
    assert row["contact_date"] == date(2024, 3, 4)  # still the third of March in UTC
    assert row["started_at"].astimezone(UTC) == datetime(2024, 3, 3, 16, 10, tzinfo=UTC)
    assert row["resolved_at"] is None and row["satisfaction"] == 5


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "contact_id_missing": {"contact_id": ""},
        "kind_missing": {"kind": ""},
        "direction_missing": {"direction": None},
        "started_at_missing": {"started_at": ""},
        "started_at_not_a_time": {"started_at": "2024-03-04"},
        "answered_at_not_a_time": {"answered_at": "soon"},
        "satisfaction_not_a_number": {"satisfaction": "good"},
    }
    check_bad_rows(spark, delivered, build_rows, "contact_id", bad)


def test_build__no_input__no_rows(spark):
    assert build_rows(spark, delivered(spark)).count() == 0


def test_build__duplicate_late_and_corrected__equal_in_one_pass_and_night_by_night(spark):
    written = check_repeats(spark, TABLE, delivered, build_rows, {"topic": "service"})
    assert [row["topic"] for row in written] == ["fee", "service"]
