from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from jobs.silver.executions import Params, build
from tests.jobs.silver.nights import at_once, of_nights, one_by_one, verdicts
from tests.rows import rows

PARAMS = Params(time_zone="Asia/Shanghai")
GOOD = {
    "execution_id": "e1",
    "revision": "0",
    "order_id": "o1",
    "account_id": "a1",
    "product_id": "600000.SH",
    "business_kind": "buy",
    "quantity": "100",
    "price": "10.5",
    "currency": "CNY",
    "amount": "1050.00",
    "commission": "5.00",
    "commission_basis": "net",
    "exchange_fee": "0.04",
    "regulatory_fee": "0.02",
    "stamp_duty": "",
    "transfer_fee": "0.01",
    "executed_at": "2024-03-04 10:00:00",
    "confirm_date": "",
    "nav_date": "",
    "settles_on": "",
    "is_busted": "false",
    "_file": "trading_executions/1.csv",
}


def delivered(spark, *changes):
    return rows(spark, "bronze.trading_executions", [{**GOOD, **change} for change in changes])


def inputs(spark, accounts=({"account_id": "a1", "customer_no": "c1", "_delivered_on": "2024-03-01"},)):
    return {
        "earlier": rows(spark, "silver.executions"),
        "accounts": rows(spark, "silver.account_changes", list(accounts)),
        "products": rows(
            spark,
            "silver.product_changes",
            [{"product_id": "600000.SH", "product_line": "stock", "_delivered_on": "2024-03-01"}],
        ),
        "orders": rows(
            spark,
            "silver.orders",
            [
                {"order_id": "o1", "entry_channel": "app", "as_of_date": "2024-03-04"},
                {"order_id": "o9", "entry_channel": "system", "as_of_date": "2024-03-04"},
                {"order_id": "o8", "entry_channel": "system", "as_of_date": "2024-03-05"},
            ],
            extra={"as_of_date": "date"},
        ),
    }


def test_build__good_rows__typed_with_customer_line_and_amounts(spark):
    found = {
        row["execution_id"]: row
        for row in build(
            executions=delivered(
                spark,
                {},
                {"execution_id": "e2", "business_kind": "sell", "commission_basis": "gross", "stamp_duty": "0.53"},
                {"execution_id": "e3", "order_id": "o9"},
                {"execution_id": "e4", "order_id": "o8"},
                {"execution_id": "e5", "order_id": "", "product_id": "UNKNOWN"},
                {"execution_id": "e6", "executed_at": "2024-03-04 00:30:00", "nav_date": "2024-03-01"},
            ),
            **inputs(spark),
            params=PARAMS,
        ).collect()
    }
    buy, sale = found["e1"], found["e2"]
    assert {row["_verdict"] for row in found.values()} == {"kept"}
    assert (buy["customer_no"], buy["product_line"], buy["revision"]) == ("c1", "stock", 0)
    assert buy["cash_effect_amount"] == Decimal("-1055.0700") and buy["net_revenue_amount"] == Decimal("5.0000")
    assert sale["cash_effect_amount"] == Decimal("1044.4600") and sale["net_revenue_amount"] == Decimal("4.9400")
    assert buy["stamp_duty"] == 0 and buy["confirm_date"] is None
    assert buy["executed_at"].astimezone(UTC) == datetime(2024, 3, 4, 2, tzinfo=UTC)
    initiated = {key: row["is_customer_initiated"] for key, row in found.items()}
    assert initiated == {"e1": True, "e2": True, "e3": False, "e4": True, "e5": True, "e6": True}
    assert found["e5"]["product_line"] is None and found["e5"]["order_id"] is None
    assert found["e6"]["trade_date"] == date(2024, 3, 4) and found["e6"]["nav_date"] == date(2024, 3, 1)


@pytest.mark.smoke
def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "execution_id_missing": {"execution_id": ""},
        "quantity_not_a_number": {"quantity": "1e3"},
        "quantity_missing": {"quantity": None},
        "amount_not_a_number": {"amount": "12,5"},
        "executed_at_not_a_time": {"executed_at": "2024-02-30 10:00:00"},
        "confirm_date_not_a_date": {"confirm_date": "20240304"},
        "is_busted_not_true_or_false": {"is_busted": "N"},
        "commission_not_a_number": {"commission": "five"},
        "unknown_business_kind": {"business_kind": "gift"},
        "unknown_commission_basis": {"commission_basis": "half"},
        "revision_negative": {"revision": "-1"},
        "quantity_not_positive": {"quantity": "0"},
        "amount_negative": {"amount": "-1"},
        "unknown_account": {"account_id": "a2"},
    }
    changes = [{"execution_id": f"e{at}", **change} for at, change in enumerate(bad.values())]
    found = build(executions=delivered(spark, *changes), **inputs(spark), params=PARAMS).collect()
    assert [row["_rule"] for row in sorted(found, key=lambda row: row["_line"])] == list(bad)
    assert {row["_verdict"] for row in found} == {"rejected"}
    assert sum(row["amount"] is not None for row in found) == len(bad) - 1


def test_build__account_delivered_later__unknown_that_night(spark):
    accounts = [
        {"account_id": "a1", "customer_no": "c1", "_delivered_on": "2024-03-05", "change_sequence": 1},
        {"account_id": "a1", "customer_no": "c2", "_delivered_on": "2024-03-06", "change_sequence": 2},
    ]
    executions = delivered(spark, {}, {"execution_id": "e2", "_delivered_on": "2024-03-05"})
    found = build(executions=executions, **inputs(spark, accounts), params=PARAMS).collect()
    assert {row["execution_id"]: (row["_rule"], row["customer_no"]) for row in found} == {
        "e1": ("unknown_account", None),
        "e2": (None, "c1"),
    }


def test_build__repeats__same_content_duplicate_other_content_rejected(spark):
    found = build(
        executions=delivered(
            spark,
            {"_row_hash": 1},
            {"_row_hash": 1},
            {"_row_hash": 2, "amount": "1"},
            {"_row_hash": 3, "revision": "1", "is_busted": "true"},
        ),
        **inputs(spark),
        params=PARAMS,
    )
    assert verdicts(found, "revision") == {
        (0, 2): ("kept", None),
        (0, 3): ("duplicate", "same_key_and_content"),
        (0, 4): ("rejected", "same_version_other_content"),
        (1, 5): ("kept", None),
    }


def test_build__no_input__no_rows(spark):
    assert build(executions=delivered(spark), **inputs(spark), params=PARAMS).count() == 0


def test_build__no_products_and_no_orders__kept_without_line(spark):
    given = inputs(spark) | {
        "products": rows(spark, "silver.product_changes"),
        "orders": rows(spark, "silver.orders", extra={"as_of_date": "date"}),
    }
    bare = {"order_id": "", "commission_basis": "", "exchange_fee": None, "commission": ""}
    (row,) = build(executions=delivered(spark, bare), **given, params=PARAMS).collect()
    assert (row["_verdict"], row["product_line"], row["is_customer_initiated"]) == ("kept", None, True)
    assert row["net_revenue_amount"] == 0 and row["cash_effect_amount"] == Decimal("-1050.0300")


def test_build__range__equals_day_by_day(spark):
    nights = ["2024-03-04", "2024-03-05"]
    late = {"_delivered_on": "2024-03-05", "_business_date": "2024-03-04"}
    executions = delivered(
        spark,
        {"_row_hash": 1},
        {"_row_hash": 1, **late},
        {"_row_hash": 5, "revision": "1", "amount": "1051.00", **late},
        {"_row_hash": 6, "execution_id": "e2", **late},
        {"_row_hash": 7, "execution_id": "e3", "_delivered_on": "2024-03-05", "_business_date": "2024-03-05"},
    )
    given = inputs(spark)

    def build_nights(run, earlier, previous):
        orders = given["orders"].where(given["orders"]["as_of_date"].isin(run))
        return build(
            executions=of_nights(executions, run), **(given | {"earlier": earlier, "orders": orders}), params=PARAMS
        )

    days = one_by_one(spark, "silver.executions", nights, build_nights)
    assert days == at_once(spark, "silver.executions", nights, build_nights)
    assert [(row["execution_id"], row["revision"]) for row in days] == [("e1", 0), ("e1", 1), ("e2", 0), ("e3", 0)]
