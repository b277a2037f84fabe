from datetime import UTC, date, datetime

import pytest

from jobs.silver.contacts import Params, build
from tests.jobs.silver.nights import at_once, of_nights, one_by_one
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
    changes = [{"contact_id": f"x{at}", **change} for at, change in enumerate(bad.values())]
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
        {"_row_hash": 3, "_sequence": 2, **late, **{"topic": "service"}},
    )

    def build_nights(run, earlier, previous):
        return build_rows(spark, of_nights(feed, run), earlier)

    written = one_by_one(spark, TABLE, nights, build_nights)
    assert written == at_once(spark, TABLE, nights, build_nights)
    assert [row["topic"] for row in written] == ["fee", "service"]
    verdicts = [row["_verdict"] for row in build_rows(spark, feed).orderBy("_line").collect()]
    assert verdicts == ["kept", "duplicate", "duplicate", "rejected", "kept"]
