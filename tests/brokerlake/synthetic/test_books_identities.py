"""The books' two identities, computed anew from the delivered tables in Decimal: nothing of the books is used."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

import pyarrow as pa

from tests.brokerlake.synthetic.books_fixture import DAYS, kept_days, make_parts

CENT = Decimal("0.01")
IN = {"buy", "subscribe", "finance_buy"}
FLOW_PROFITS = {"dividend", "dividend_tax", "interest", "financing_interest", "fee", "advisory_fee", "adjustment"}
ZERO = Decimal(0)


def prices_of(day: int) -> dict[str, Decimal]:
    _, market, _ = make_parts()
    quotes = market.quotes(day)
    return dict(zip(quotes["product_id"].to_pylist(), quotes["close"].to_pylist(), strict=True))


def value(quantity: Decimal, price: Decimal) -> Decimal:
    return (quantity * price).quantize(CENT, ROUND_HALF_UP)


def effective_executions(tables: dict[str, pa.Table]) -> list[dict]:
    return [row for row in tables["trading_executions"].to_pylist() if not row["is_busted"]]


def fees_of(row: dict) -> Decimal:
    fees = row["commission"] + row["stamp_duty"] + row["transfer_fee"]
    return fees + (row["exchange_fee"] + row["regulatory_fee"] if row["commission_basis"] == "net" else ZERO)


def net_cash(row: dict) -> Decimal:
    own = row["cash"] + row["in_transit"] + row["receivable"]
    return own - row["financing_principal"] - row["interest_and_fees_owed"] - row["short_market_value"]


def test_step__every_day__quantity_is_the_one_before_and_trades_and_movements() -> None:
    before: dict[tuple, Decimal] = {}
    checked = 0
    for tables in kept_days():
        expected = defaultdict(Decimal, {key: quantity for key, quantity in before.items() if quantity})
        for row in effective_executions(tables):
            sign = 1 if row["business_kind"] in IN else -1
            expected[row["account_id"], row["product_id"]] += sign * row["quantity"]
        for row in tables["trading_security_movements"].to_pylist():
            expected[row["account_id"], row["product_id"]] += row["quantity"]
        rows = tables["trading_positions"].to_pylist()
        after = {(row["account_id"], row["product_id"]): row["quantity"] for row in rows}
        assert len(after) == len(rows)
        assert after == dict(expected)
        assert all(ZERO <= row["sellable_quantity"] <= row["quantity"] for row in rows)
        before, checked = after, checked + len(rows)
    assert checked > 10_000


def test_step__every_day__net_assets_change_by_profit_and_inflow_to_the_cent() -> None:
    before: dict[str, Decimal] = {}
    held: dict[tuple, tuple[Decimal, Decimal]] = {}
    owed: dict[str, Decimal] = {}
    checked = 0
    for day, tables in enumerate(kept_days()):
        prices = prices_of(day)
        change = defaultdict(Decimal)
        quantity = defaultdict(Decimal, {key: pair[0] for key, pair in held.items()})
        for (account, _), (_, worth) in held.items():
            change[account] -= worth
        for row in effective_executions(tables):
            sign = 1 if row["business_kind"] in IN else -1
            quantity[row["account_id"], row["product_id"]] += sign * row["quantity"]
            change[row["account_id"]] -= sign * row["amount"] + fees_of(row)
        inflow = defaultdict(Decimal)
        for row in tables["trading_security_movements"].to_pylist():
            quantity[row["account_id"], row["product_id"]] += row["quantity"]
            change[row["account_id"]] -= row["value"]
            inflow[row["account_id"]] += row["value"]
        for row in tables["trading_cash_flows"].to_pylist():
            assert row["kind"] in FLOW_PROFITS | {"bank_in", "bank_out"}
            (change if row["kind"] in FLOW_PROFITS else inflow)[row["account_id"]] += row["amount"]
        held = {key: (amount, value(amount, prices[key[1]])) for key, amount in quantity.items() if amount}
        net = defaultdict(Decimal)
        for (account, _), (_, worth) in held.items():
            change[account] += worth
            net[account] += worth
        balances = tables["trading_balances"].to_pylist()
        for row in balances:
            account = row["account_id"]
            net[account] += net_cash(row)
            change[account] -= row["interest_and_fees_owed"] - owed.get(account, ZERO)
            owed[account] = row["interest_and_fees_owed"]
            assert net[account] - before.get(account, ZERO) == change[account] + inflow[account], (day, account)
            assert row["cash"] >= row["withdrawable"] >= 0
        assert set(net) <= {row["account_id"] for row in balances}
        before, checked = dict(net), checked + len(balances)
    assert checked > 300 * DAYS


def test_step__positions__market_value_is_quantity_times_the_quoted_close() -> None:
    for day in (0, DAYS // 2, DAYS - 1):
        prices = prices_of(day)
        for row in kept_days()[day]["trading_positions"].to_pylist():
            assert row["price"] == prices[row["product_id"]]
            assert row["market_value"] == value(row["quantity"], row["price"])
