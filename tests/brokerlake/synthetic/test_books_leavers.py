"""Customers who leave without a word and come back: what their accounts hold on the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from brokerlake.synthetic.books import Books
from brokerlake.synthetic.draws import NEVER
from brokerlake.synthetic.population import CHURN_HIDDEN, CHURN_NONE
from tests.brokerlake.synthetic.books_fixture import SEED, make_parts

LEAVE, RETURN, LAST = 5, 45, 60


@pytest.fixture(scope="module")
def wealth() -> np.ndarray:
    """Net assets in CNY by day, of all who leave on day LEAVE and are back on day RETURN."""
    population, market, fees = make_parts()
    quiet = (population.churn_kind != 1) & (population.funded_day == 0) & (np.arange(len(population.wealth)) % 3 == 0)
    leaving = replace(
        population,
        churn_kind=np.where(quiet, CHURN_HIDDEN, CHURN_NONE).astype(np.int8),
        churn_day=np.where(quiet, LEAVE, NEVER).astype(np.int32),
        return_day=np.where(quiet, RETURN, NEVER).astype(np.int32),
    )
    books = Books(leaving, market, fees, SEED)
    owners = dict(zip(population.account_id.tolist(), quiet[population.account_customer].tolist(), strict=True))
    found = []
    for day in range(LAST + 1):
        tables, total = books.step(day), 0.0
        for feed, columns in (
            ("trading_balances", ("cash", "in_transit", "receivable")),
            ("trading_positions", ("market_value",)),
        ):
            rows = tables[feed].select(["account_id", *columns]).to_pydict()
            mine = np.array([owners[account] for account in rows["account_id"]])
            total += sum(float(np.array(rows[name], dtype=float)[mine].sum()) for name in columns)
        found.append(total)
    return np.array(found)


def test_books__quiet_leavers__take_it_out_bit_by_bit(wealth: np.ndarray) -> None:
    assert 0.15 < wealth[LEAVE + 5] / wealth[LEAVE - 1] < 0.8
    assert 0.0 <= wealth[RETURN - 1] / wealth[LEAVE - 1] < 0.1


def test_books__leavers_who_return__bring_a_good_part_back(wealth: np.ndarray) -> None:
    assert 0.4 < wealth[RETURN] / wealth[LEAVE - 1] < 1.1
    assert 0.3 < wealth[LAST] / wealth[LEAVE - 1] < 1.2
