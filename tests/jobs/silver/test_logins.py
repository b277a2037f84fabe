from datetime import UTC, date, datetime

from jobs.silver.logins import Params, build
from tests.jobs.silver.nights import at_once, of_nights, one_by_one, verdicts
from tests.rows import rows

PARAMS = Params(time_zone="Asia/Shanghai")
GOOD = {
    "account_id": "a1",
    "terminal": "own_app",
    "device_id": "d1",
    "ip": "i1",
    "region": "Shanghai",
    "logged_in_at": "2024-03-04 09:00:00",
    "_file": "trading_logins/1.csv",
}


def delivered(spark, *changes):
    return rows(spark, "bronze.trading_logins", [{**GOOD, **change} for change in changes])


def build_logins(spark, logins, earlier=None):
    accounts = [{"account_id": "a1", "customer_no": "c1", "_delivered_on": "2024-03-01"}]
    return build(
        logins=logins,
        earlier=rows(spark, "silver.logins") if earlier is None else earlier,
        accounts=rows(spark, "silver.account_changes", accounts),
        params=PARAMS,
    )


def test_build__good_rows__typed_and_dated_locally(spark):
    changes = [{}, {"device_id": "", "ip": None, "region": "", "logged_in_at": "2024-03-04 00:00:00"}]
    changes.append({"logged_in_at": "2024-03-03 23:59:59"})
    found = sorted(build_logins(spark, delivered(spark, *changes)).collect(), key=lambda row: row["_line"])
    assert {(row["_verdict"], row["customer_no"]) for row in found} == {("kept", "c1")}
    assert [row["login_date"] for row in found] == [date(2024, 3, 4), date(2024, 3, 4), date(2024, 3, 3)]
    assert found[0]["logged_in_at"].astimezone(UTC) == datetime(2024, 3, 4, 1, tzinfo=UTC)
    assert (found[1]["device_id"], found[1]["ip"], found[1]["region"]) == ("", None, None)


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "account_id_missing": {"account_id": ""},
        "terminal_missing": {"terminal": None},
        "logged_in_at_not_a_time": {"logged_in_at": "morning"},
        "logged_in_at_missing": {"logged_in_at": ""},
        "unknown_account": {"account_id": "a2"},
    }
    found = build_logins(spark, delivered(spark, *bad.values())).collect()
    assert [row["_rule"] for row in sorted(found, key=lambda row: row["_line"])] == list(bad)
    assert {row["_verdict"] for row in found} == {"rejected"}


def test_build__no_input__no_rows(spark):
    assert build_logins(spark, delivered(spark)).count() == 0


def test_build__repeats_and_range__equals_day_by_day(spark):
    nights = ["2024-03-04", "2024-03-05"]
    late = {"_delivered_on": "2024-03-05", "_business_date": "2024-03-04"}
    logins = delivered(
        spark,
        {"_row_hash": 1},
        {"_row_hash": 2, "device_id": "d2"},
        {"_row_hash": 1},
        {"_row_hash": 1, **late},
        {"_row_hash": 3, "terminal": "pc", **late},
    )

    def build_nights(run, earlier, previous):
        return build_logins(spark, of_nights(logins, run), earlier)

    days = one_by_one(spark, "silver.logins", nights, build_nights)
    assert days == at_once(spark, "silver.logins", nights, build_nights)
    assert [(row["terminal"], row["device_id"]) for row in days] == [("own_app", "d1"), ("own_app", "d2"), ("pc", "d1")]
    found = verdicts(build_logins(spark, logins), "terminal")
    assert found[("own_app", 4)] == ("duplicate", "same_key_and_content")
    assert found[("own_app", 5)] == ("duplicate", "same_key_and_content")
