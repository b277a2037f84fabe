"""The books: rules of trading, settlement and fees, and the same day made twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, time
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pyarrow as pa
import pytest

from brokerlake.synthetic.books import Books
from tests.brokerlake.synthetic.books_fixture import DAYS, SEED, column, kept_days, make_parts

COLUMNS = {
    "trading_accounts": "change_seq,op,account_id,customer_no,account_kind,branch_id,opened_on,closed_on,"
    "close_reason,status,commission_rate,changed_at",
    "trading_orders": "order_id,account_id,product_id,business_kind,quantity,limit_price,entry_channel,ordered_at,"
    "status,journey_id,document_id,document_version,override_document",
    "trading_executions": "execution_id,revision,order_id,account_id,product_id,business_kind,quantity,price,"
    "currency,amount,commission,commission_basis,exchange_fee,regulatory_fee,stamp_duty,transfer_fee,executed_at,"
    "confirm_date,nav_date,settles_on,is_busted",
    "trading_cash_flows": "flow_id,account_id,kind,amount,currency,occurred_at,bank,verified_by,verified_at",
    "trading_security_movements": "movement_id,account_id,product_id,kind,quantity,value,occurred_on",
    "trading_positions": "account_id,product_id,position_date,quantity,sellable_quantity,cost_amount,price,currency,"
    "market_value",
    "trading_balances": "account_id,currency,balance_date,cash,withdrawable,in_transit,receivable,"
    "financing_principal,short_market_value,interest_and_fees_owed",
}


def of_line(line: str, rows: list[dict]) -> list[dict]:
    _, market, _ = make_parts()
    wanted = set(market.listed.product_id[market.listed.line == line].tolist())
    return [row for row in rows if row["product_id"] in wanted]


def all_rows(feed: str) -> list[dict]:
    return [row for tables in kept_days() for row in tables[feed].to_pylist()]


def test_step__any_day__columns_in_the_feeds_order() -> None:
    for feed, names in COLUMNS.items():
        delivered = [name for name in kept_days()[3][feed].column_names if not name.startswith("_")]
        assert delivered == names.split(",")


def test_step__same_arguments__same_tables() -> None:
    again = Books(*make_parts(), SEED)
    for day in range(8):
        made = again.step(day)
        assert all(made[feed].equals(table) for feed, table in kept_days()[day].items())


def test_restore__state_of_a_night__goes_on_as_a_straight_run() -> None:
    first = Books(*make_parts(), SEED)
    for day in range(5):
        first.step(day)
    later = Books(*make_parts(), SEED)
    later.restore(first.state())
    for day in range(5, 10):
        made = later.step(day)
        assert all(made[feed].equals(table) for feed, table in kept_days()[day].items())


def test_restore__state_of_another_population__raises() -> None:
    books = Books(*make_parts(), SEED)
    state = {name: values[:-1] for name, values in books.state().items()}
    with pytest.raises(ValueError, match="population"):
        books.restore(state)


def test_step__not_the_next_day__raises() -> None:
    books = Books(*make_parts(), SEED)
    with pytest.raises(ValueError, match="the next is not 1"):
        books.step(1)


def test_step__another_seed__other_trades() -> None:
    tables = Books(*make_parts(), SEED + 1).step(0)
    assert not tables["trading_executions"].equals(kept_days()[0]["trading_executions"])


def test_step__target_of_executions__reached_within_a_fifth() -> None:
    tables = Books(*make_parts(), SEED, executions_per_day=3_000).step(0)
    assert 2_400 <= len(tables["trading_executions"]) <= 3_600


def test_step__keys__distinct_over_all_days() -> None:
    for feed, key in (
        ("trading_orders", "order_id"),
        ("trading_executions", "execution_id"),
        ("trading_cash_flows", "flow_id"),
        ("trading_security_movements", "movement_id"),
        ("trading_accounts", "change_seq"),
    ):
        values = column(key, feed)
        assert values and len(set(values)) == len(values)


def test_step__executions__each_belongs_to_an_order_of_its_account_and_product() -> None:
    orders = {row["order_id"]: row for row in all_rows("trading_orders")}
    for row in all_rows("trading_executions"):
        order = orders[row["order_id"]]
        for name in ("account_id", "product_id", "business_kind"):
            assert row[name] == order[name]
        assert row["executed_at"] >= order["ordered_at"]


def test_step__stock_sales__stamp_duty_halved_on_2023_08_28() -> None:
    rows = of_line("stock", all_rows("trading_executions"))
    seen = Counter()
    for row in rows:
        sold, new = row["business_kind"] == "sell", row["confirm_date"] >= date(2023, 8, 28)
        rate = Decimal("0.0005") if new else Decimal("0.001")
        due = (row["amount"] * rate).quantize(Decimal("0.01"), ROUND_HALF_UP) if sold else 0
        assert row["stamp_duty"] == due
        seen[sold, new] += 1
    assert min(seen[True, True], seen[True, False], seen[False, True]) > 20
    assert not any(row["stamp_duty"] for row in of_line("etf", all_rows("trading_executions")))


def test_step__stock_orders__commission_is_at_least_five_and_by_the_rate_of_the_account() -> None:
    rates = {(row["account_id"]): row["commission_rate"] for row in all_rows("trading_accounts") if row["op"] == "S"}
    changed = {row["account_id"] for row in all_rows("trading_accounts") if row["op"] == "U"}
    by_order: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    account_of = {}
    for row in of_line("stock", all_rows("trading_executions")):
        if not row["is_busted"]:
            by_order[row["order_id"]][0] += row["amount"]
            by_order[row["order_id"]][1] += row["commission"]
            account_of[row["order_id"]] = row["account_id"]
    dear = 0
    for order, (amount, commission) in by_order.items():
        assert commission >= 5
        if account_of[order] in rates and account_of[order] not in changed:
            due = max(Decimal(5), (amount * rates[account_of[order]]).quantize(Decimal("0.01"), ROUND_HALF_UP))
            assert commission == due
            dear += commission > 5
    assert dear > 20


def test_step__fund_orders__confirmed_next_day_at_the_value_of_the_order_day() -> None:
    _, market, _ = make_parts()
    funds = [row for row in all_rows("trading_executions") if row["nav_date"] is not None]
    assert {row["business_kind"] for row in funds} == {"subscribe", "redeem"}
    index_of = {name: k for k, name in enumerate(market.listed.product_id.tolist())}
    for row in funds:
        ordered = market.dates.index(row["executed_at"].date())
        assert row["nav_date"] == row["executed_at"].date()
        assert row["price"] == Decimal(int(market.close[ordered, index_of[row["product_id"]]])) / 10_000
        assert row["confirm_date"] == market.dates[ordered + 1]
        if row["business_kind"] == "redeem":
            assert row["settles_on"] == market.dates[ordered + 3]
            assert row["amount"] == (row["quantity"] * row["price"]).quantize(Decimal("0.01"), ROUND_HALF_UP)
        else:
            assert row["quantity"] == (row["amount"] / row["price"]).quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_step__fund_subscription__its_money_is_in_transit_until_confirmed() -> None:
    day = next(d for d in range(DAYS) if "subscribe" in kept_days()[d]["trading_orders"]["business_kind"].to_pylist())
    ordered: dict[str, Decimal] = defaultdict(Decimal)
    for row in kept_days()[day]["trading_orders"].to_pylist():
        if row["business_kind"] == "subscribe":
            ordered[row["account_id"]] += row["quantity"]
    balances = {row["account_id"]: row for row in kept_days()[day]["trading_balances"].to_pylist()}
    assert {account: balances[account]["in_transit"] for account in ordered} == dict(ordered)


def test_step__shares_bought_today__not_sellable_today_and_sellable_tomorrow() -> None:
    bought: dict[tuple, Decimal] = defaultdict(Decimal)
    for row in kept_days()[10]["trading_executions"].to_pylist():
        if row["business_kind"] in ("buy", "finance_buy") and not row["is_busted"]:
            bought[row["account_id"], row["product_id"]] += row["quantity"]
    assert bought
    positions = {
        (row["account_id"], row["product_id"]): row for row in kept_days()[10]["trading_positions"].to_pylist()
    }
    for key, quantity in bought.items():
        assert positions[key]["quantity"] - positions[key]["sellable_quantity"] == quantity


def test_step__trades__within_the_session_and_the_days_bar() -> None:
    _, market, _ = make_parts()
    bars = {}
    for day in range(DAYS):
        quotes = market.quotes(day)
        for row in quotes.select(["product_id", "quote_date", "low", "high"]).to_pylist():
            bars[row["product_id"], row["quote_date"]] = (row["low"], row["high"])
    for row in all_rows("trading_executions"):
        moment = row["executed_at"].time()
        assert time(9, 30) <= moment <= time(11, 30) or time(13) <= moment <= time(15)
        if row["nav_date"] is None:
            low, high = bars[row["product_id"], row["executed_at"].date()]
            assert low <= row["price"] <= high


def test_step__app_orders__and_no_others_carry_a_journey() -> None:
    orders = all_rows("trading_orders")
    assert all((row["journey_id"] is not None) == (row["entry_channel"] == "app") for row in orders)
    assert Counter(row["entry_channel"] for row in orders)["system"] > 0


def test_step__closed_positions__told_once_with_quantity_zero() -> None:
    zero_on: dict[tuple, int] = {}
    for day, tables in enumerate(kept_days()):
        for row in tables["trading_positions"].to_pylist():
            key = (row["account_id"], row["product_id"])
            assert not (row["quantity"] == 0 and zero_on.get(key) == day - 1)
            if row["quantity"] == 0:
                zero_on[key] = day
    assert zero_on


def test_step__leavers__open_ones_end_with_closed_empty_accounts() -> None:
    closed = [row for row in all_rows("trading_accounts") if row["status"] == "closed"]
    assert closed
    _, market, _ = make_parts()
    for row in closed:
        day = market.dates.index(row["closed_on"])
        told = kept_days()[day]["trading_balances"].to_pylist()
        balance = next(each for each in told if each["account_id"] == row["account_id"])
        assert balance["cash"] == 0
        later = kept_days()[day + 1]["trading_balances"]["account_id"].to_pylist() if day + 1 < DAYS else []
        assert row["account_id"] not in later


def test_step__quiet_leavers__take_nearly_all_they_have() -> None:
    population, market, _ = make_parts()
    gone = np.flatnonzero(
        (population.churn_kind == 2) & (population.churn_day < DAYS - 30) & (population.return_day >= DAYS)
    )
    accounts = set(population.account_id[np.isin(population.account_customer, gone)].tolist())
    assert accounts
    first, last = (kept_days()[day] for day in (0, DAYS - 1))

    def wealth(tables: dict[str, pa.Table]) -> Decimal:
        cash = sum(r["cash"] for r in tables["trading_balances"].to_pylist() if r["account_id"] in accounts)
        held = sum(r["market_value"] for r in tables["trading_positions"].to_pylist() if r["account_id"] in accounts)
        return Decimal(cash + held)

    assert wealth(last) < wealth(first) / 10


def test_step__kinds__all_that_the_books_know_occur() -> None:
    flows, moves = set(column("kind", "trading_cash_flows")), set(column("kind", "trading_security_movements"))
    assert {"bank_in", "bank_out", "dividend", "dividend_tax", "interest"} <= flows
    assert {"custody_in", "bonus"} <= moves
    assert {"buy", "sell", "subscribe", "redeem", "finance_buy"} == set(column("business_kind", "trading_executions"))
