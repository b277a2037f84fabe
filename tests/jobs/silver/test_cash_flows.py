from datetime import UTC, date, datetime
from decimal import Decimal

from jobs.silver.cash_flows import Params, build
from tests.jobs.silver.nights import at_once, of_nights, one_by_one, verdicts
from tests.rows import rows

PARAMS = Params(time_zone="Asia/Shanghai")
GOOD = {
    "flow_id": "f1",
    "account_id": "a1",
    "kind": "bank_in",
    "amount": "1000.50",
    "currency": "CNY",
    "occurred_at": "2024-03-04 14:00:00",
    "bank": "ICBC",
    "verified_by": "",
    "verified_at": "",
    "_file": "trading_cash_flows/1.csv",
}


def delivered(spark, *changes):
    return rows(spark, "bronze.trading_cash_flows", [{**GOOD, **change} for change in changes])


def build_flows(spark, cash_flows, earlier=None):
    accounts = [{"account_id": "a1", "customer_no": "c1", "_delivered_on": "2024-03-01"}]
    return build(
        cash_flows=cash_flows,
        earlier=rows(spark, "silver.cash_flows") if earlier is None else earlier,
        accounts=rows(spark, "silver.account_changes", accounts),
        params=PARAMS,
    )


def test_build__good_rows__typed_signed_and_dated_locally(spark):
    changes = [
        {"verified_by": "u7", "verified_at": "2024-03-04 14:05:00"},
        {"flow_id": "f2", "kind": "bank_out", "amount": "-3", "occurred_at": "2024-03-04 00:00:00"},
        {"flow_id": "f3", "kind": "dividend_tax", "amount": "-0.01", "bank": "", "occurred_at": "2024-03-03 23:59:59"},
        {"flow_id": "f4", "kind": "adjustment", "amount": "-5"},
    ]
    found = {row["flow_id"]: row for row in build_flows(spark, delivered(spark, *changes)).collect()}
    assert {row["_verdict"] for row in found.values()} == {"kept"}
    assert found["f1"]["amount"] == Decimal("1000.5") and found["f2"]["amount"] == -3
    assert found["f1"]["customer_no"] == "c1" and found["f3"]["bank"] is None
    assert found["f1"]["verified_at"].astimezone(UTC) == datetime(2024, 3, 4, 6, 5, tzinfo=UTC)
    assert found["f2"]["flow_date"] == date(2024, 3, 4) and found["f3"]["flow_date"] == date(2024, 3, 3)


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "flow_id_missing": {"flow_id": ""},
        "amount_not_a_number": {"amount": "1,000"},
        "amount_missing": {"amount": None},
        "occurred_at_not_a_time": {"occurred_at": "14:00"},
        "verified_at_not_a_time": {"verified_at": "yes"},
        "unknown_kind": {"kind": "gift"},
        "sign_contradicts_kind": {"amount": "-1"},
        "unknown_account": {"account_id": "a2"},
    }
    changes = [{"flow_id": f"f{at}", **change} for at, change in enumerate(bad.values())]
    changes.append({"flow_id": "f99", "kind": "bank_out", "amount": "1"})
    found = build_flows(spark, delivered(spark, *changes)).collect()
    in_order = [row["_rule"] for row in sorted(found, key=lambda row: row["_line"])]
    assert in_order == [*bad, "sign_contradicts_kind"]
    assert {row["_verdict"] for row in found} == {"rejected"}


def test_build__no_input__no_rows(spark):
    assert build_flows(spark, delivered(spark)).count() == 0


def test_build__repeats_and_range__equals_day_by_day(spark):
    nights = ["2024-03-04", "2024-03-05"]
    late = {"_delivered_on": "2024-03-05", "_business_date": "2024-03-04"}
    cash_flows = delivered(
        spark,
        {"_row_hash": 1},
        {"_row_hash": 1},
        {"_row_hash": 2, **late},
        {"_row_hash": 3, "_sequence": 2, "amount": "999", **late},
        {"_row_hash": 4, "flow_id": "f2", "_sequence": 2, "_withdrawn": True, **late},
    )

    def build_nights(run, earlier, previous):
        return build_flows(spark, of_nights(cash_flows, run), earlier)

    days = one_by_one(spark, "silver.cash_flows", nights, build_nights)
    assert days == at_once(spark, "silver.cash_flows", nights, build_nights)
    assert [(row["flow_id"], row["amount"], row["_withdrawn"]) for row in days] == [
        ("f1", Decimal("1000.5"), False),
        ("f1", Decimal("999"), False),
        ("f2", Decimal("1000.5"), True),
    ]
    found = verdicts(build_flows(spark, cash_flows), "flow_id")
    assert found[("f1", 3)] == ("duplicate", "same_key_and_content")
    assert found[("f1", 4)] == ("rejected", "same_version_other_content")
