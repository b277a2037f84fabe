"""Every fee and tax of the delivered rows, computed anew in Decimal from conf/fees.yaml by the date of the trade."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest
import yaml

from tests.brokerlake.synthetic.books_fixture import FEES, kept_days, make_parts

TARIFF = yaml.safe_load(FEES.read_text(encoding="utf-8"))
HALVED = date(2023, 8, 28)


def rate_on(fee: str, line: str, market: str, day: date) -> Decimal:
    """The rate of the latest entry that names the product's line and market."""
    begun = [
        entry
        for entry in TARIFF[fee]
        if date.fromisoformat(entry["from"]) <= day
        and line in entry.get("product_lines", [line])
        and market in entry.get("markets", [market])
    ]
    return Decimal(max(begun, key=lambda entry: entry["from"])["rate"]) if begun else Decimal(0)


def to_cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.fixture(scope="module")
def trades() -> list[dict]:
    """Executions with the line and market of their product."""
    listed = make_parts()[1].listed
    kinds = dict(zip(listed.product_id.tolist(), zip(listed.line, listed.market, strict=True), strict=True))
    rows = [row for tables in kept_days() for row in tables["trading_executions"].to_pylist()]
    return [row | dict(zip(("line", "venue"), map(str, kinds[row["product_id"]]), strict=True)) for row in rows]


@pytest.mark.parametrize("fee", ["exchange_fee", "regulatory_fee", "transfer_fee"])
def test_charge__both_sides__by_line_market_and_date(trades: list[dict], fee: str) -> None:
    seen: Counter = Counter()
    for row in trades:
        rate = rate_on(fee, row["line"], row["venue"], row["confirm_date"])
        assert row[fee] == to_cents(row["amount"] * rate)
        seen[row["line"], row["business_kind"], row["confirm_date"] >= HALVED] += 1
    assert min(seen["stock", side, new] for side in ("buy", "sell") for new in (False, True)) > 20


def test_charge__stamp_duty__sales_of_stocks_only(trades: list[dict]) -> None:
    for row in trades:
        rate = rate_on("stamp_duty", row["line"], row["venue"], row["confirm_date"])
        assert row["stamp_duty"] == (to_cents(row["amount"] * rate) if row["business_kind"] == "sell" else 0)


def test_confirm__fund_orders__pay_the_subscription_or_redemption_fee(trades: list[dict]) -> None:
    paid: Counter = Counter()
    for row in (row for row in trades if row["nav_date"] is not None):
        inward = row["business_kind"] == "subscribe"
        fee = "subscription_fee" if inward else "redemption_fee"
        rate = rate_on(fee, row["line"], row["venue"], row["confirm_date"])
        money = row["amount"] + row["commission"]
        assert row["commission"] == (money - to_cents(money / (1 + rate)) if inward else to_cents(row["amount"] * rate))
        paid[fee] += row["commission"] > 0
    assert min(paid[fee] for fee in ("subscription_fee", "redemption_fee")) > 5


def test_take_corporate_actions__dividends__are_taxed_at_a_tenth() -> None:
    flows: dict[str, list[Decimal]] = defaultdict(list)
    for tables in kept_days():
        for row in tables["trading_cash_flows"].to_pylist():
            flows[row["kind"]].append(row["amount"])
    assert len(flows["dividend"]) > 20
    due = [-to_cents(amount / 10) for amount in flows["dividend"]]
    assert sorted(flows["dividend_tax"]) == sorted(tax for tax in due if tax)
