"""The demo's broker over some weeks: how much is traded, by whom, with what left."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from brokerlake.synthetic.books import Books
from brokerlake.synthetic.fees import load_fee_schedule
from brokerlake.synthetic.market import Market
from brokerlake.synthetic.population import PERSONAS, Population, make_population
from tests.brokerlake.synthetic.books_fixture import FEES, weekdays

CUSTOMERS, HISTORY, DAYS, SEED = 2_000, 400, 60, 7


@pytest.fixture(scope="module")
def broker() -> tuple[Population, Counter, dict[str, list], dict[str, Decimal], set[str]]:
    """Population, executions per account, the last day's positions, net assets, and fund-only accounts' kinds."""
    market = Market(SEED, weekdays(date(2023, 3, 1), DAYS + 6))
    fees = load_fee_schedule(FEES, list(market.listed.line), list(market.listed.market))
    population = make_population(CUSTOMERS, SEED, HISTORY)
    books = Books(population, market, fees, SEED)
    fills: Counter = Counter()
    for day in range(DAYS):
        tables = books.step(day)
        fills.update(tables["trading_executions"]["account_id"].to_pylist())
    positions = tables["trading_positions"].select(["account_id", "product_id", "market_value"]).to_pydict()
    worth: dict[str, Decimal] = Counter()
    for account, value in zip(positions["account_id"], positions["market_value"], strict=True):
        worth[account] += value
    for row in tables["trading_balances"].select(["account_id", "cash"]).to_pylist():
        worth[row["account_id"]] += row["cash"]
    traded_products = set(market.listed.product_id[~market.listed.is_fund].tolist())
    return population, fills, positions, dict(worth), traded_products


def test_books__demo__executions_a_day_as_in_a_history_of_a_quarter_million(broker) -> None:
    _, fills, _, _, _ = broker
    assert 200_000 / HISTORY * 0.8 <= sum(fills.values()) / DAYS <= 300_000 / HISTORY


def test_books__demo__few_accounts_trade_most(broker) -> None:
    _, fills, _, _, _ = broker
    counts = np.sort(np.array(list(fills.values())))[::-1]
    assert 0.5 < counts[:60].sum() / counts.sum() < 0.9


def test_books__demo__top_percent_of_customers_holds_at_least_thirty_percent(broker) -> None:
    population, _, _, worth, _ = broker
    owner = dict(zip(population.account_id.tolist(), population.account_customer.tolist(), strict=True))
    per_customer: dict[int, Decimal] = Counter()
    for account, value in worth.items():
        per_customer[owner[account]] += value
    ranked = sorted((value for value in per_customer.values() if value > 0), reverse=True)
    assert Decimal("0.3") <= sum(ranked[: len(ranked) // 100]) / sum(ranked) <= Decimal("0.85")


def test_books__demo__some_savers_hold_funds_only(broker) -> None:
    population, _, positions, _, traded_products = broker
    owner = dict(zip(population.account_id.tolist(), population.account_customer.tolist(), strict=True))
    holders = {owner[account] for account in positions["account_id"]}
    traders = {
        owner[account]
        for account, product in zip(positions["account_id"], positions["product_id"], strict=True)
        if product in traded_products
    }
    savers = set(np.flatnonzero(population.persona == PERSONAS.index("fund_saver")).tolist())
    assert 0.35 <= len((holders - traders) & savers) / len(holders & savers) <= 0.8
    assert 2 <= len(positions["account_id"]) / len(holders) <= 5
