from datetime import date
from decimal import Decimal

from jobs.silver.security_movements import Params, build
from tests.jobs.silver.nights import at_once, of_nights, one_by_one, verdicts
from tests.rows import rows

GOOD = {
    "movement_id": "m1",
    "account_id": "a1",
    "product_id": "600000.SH",
    "kind": "custody_in",
    "quantity": "100",
    "value": "1050.00",
    "occurred_on": "2024-03-04",
    "_file": "trading_security_movements/1.csv",
}


def delivered(spark, *changes):
    return rows(spark, "bronze.trading_security_movements", [{**GOOD, **change} for change in changes])


def build_movements(spark, security_movements, earlier=None, products=None):
    accounts = [{"account_id": "a1", "customer_no": "c1", "_delivered_on": "2024-03-01"}]
    lines = [{"product_id": "600000.SH", "product_line": "stock", "_delivered_on": "2024-03-04"}]
    return build(
        security_movements=security_movements,
        earlier=rows(spark, "silver.security_movements") if earlier is None else earlier,
        accounts=rows(spark, "silver.account_changes", accounts),
        products=rows(spark, "silver.product_changes", lines if products is None else products),
        params=Params(),
    )


def test_build__good_rows__typed_signed_with_line(spark):
    changes = [{}, {"movement_id": "m2", "kind": "bonus", "quantity": "30", "value": "0", "product_id": "000001.SZ"}]
    found = {row["movement_id"]: row for row in build_movements(spark, delivered(spark, *changes)).collect()}
    moved, bonus = found["m1"], found["m2"]
    assert (moved["_verdict"], moved["customer_no"], moved["product_line"]) == ("kept", "c1", "stock")
    assert (moved["quantity"], moved["value"], moved["occurred_on"]) == (100, Decimal("1050"), date(2024, 3, 4))
    assert (bonus["_verdict"], bonus["value"], bonus["product_line"]) == ("kept", 0, None)


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "movement_id_missing": {"movement_id": None},
        "quantity_not_a_number": {"quantity": "1e2"},
        "value_missing": {"value": ""},
        "occurred_on_not_a_date": {"occurred_on": "2024-02-30"},
        "unknown_kind": {"kind": "gift"},
        "signs_disagree": {"quantity": "-100"},
        "unknown_account": {"account_id": "a2"},
    }
    changes = [{"movement_id": f"m{at}", **change} for at, change in enumerate(bad.values())]
    found = build_movements(spark, delivered(spark, *changes)).collect()
    assert [row["_rule"] for row in sorted(found, key=lambda row: row["_line"])] == list(bad)
    assert {row["_verdict"] for row in found} == {"rejected"}


def test_build__no_input__no_rows(spark):
    assert build_movements(spark, delivered(spark)).count() == 0


def test_build__repeats_and_range__equals_day_by_day(spark):
    nights = ["2024-03-04", "2024-03-05"]
    late = {"_delivered_on": "2024-03-05", "_business_date": "2024-03-04"}
    movements = delivered(
        spark,
        {"_row_hash": 1},
        {"_row_hash": 1, **late},
        {"_row_hash": 3, "_sequence": 2, "quantity": "90", "value": "945", **late},
        {"_row_hash": 4, "movement_id": "m2", **late},
    )

    def build_nights(run, earlier, previous):
        return build_movements(spark, of_nights(movements, run), earlier)

    days = one_by_one(spark, "silver.security_movements", nights, build_nights)
    assert days == at_once(spark, "silver.security_movements", nights, build_nights)
    assert [(row["movement_id"], int(row["quantity"])) for row in days] == [("m1", 100), ("m1", 90), ("m2", 100)]
    found = verdicts(build_movements(spark, movements), "movement_id")
    assert found[("m1", 3)] == ("duplicate", "same_key_and_content")
