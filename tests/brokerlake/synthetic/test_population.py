"""The made-up customers: ranges that make the broker one that is recognised."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from brokerlake.synthetic.draws import NEVER
from brokerlake.synthetic.population import PERSONAS, branch_count, branch_ids, make_population

DAYS = 400


@pytest.mark.parametrize("seed", range(8))
def test_make_population__any_seed__top_percent_holds_at_least_thirty_percent(seed: int) -> None:
    population = make_population(2_000, seed, DAYS)
    wealth = np.sort(population.wealth[(population.opened_day < DAYS) & (population.funded_day >= 0)])[::-1]
    assert 0.30 <= wealth[: len(wealth) // 100].sum() / wealth.sum() <= 0.85


def test_make_population__same_arguments__equal_and_another_seed_not() -> None:
    first, again, other = (make_population(500, seed, DAYS) for seed in (3, 3, 4))
    assert all(np.array_equal(getattr(first, f.name), getattr(again, f.name)) for f in fields(first))
    assert not np.array_equal(first.wealth[:500], other.wealth[:500])


def test_make_population__customers__so_many_open_within_the_history_and_some_later() -> None:
    population = make_population(2_000, 7, DAYS)
    assert (population.opened_day < DAYS).sum() == 2_000
    assert (np.diff(population.opened_day) >= 0).all()
    assert len(population.customers_open(DAYS + 20)) > 2_000
    per_month = np.histogram(population.opened_day, bins=np.arange(0, 1_400, 20))[0]
    assert per_month.min() >= 20 and per_month.max() <= 80


def test_make_population__days__in_the_order_of_a_life() -> None:
    p = make_population(2_000, 7, DAYS)
    assert (p.registered_day <= p.opened_day).all()
    assert (p.funded_day[p.funded_day >= 0] >= p.opened_day[p.funded_day >= 0]).all()
    assert (p.churn_day > p.opened_day).all()
    assert (p.return_day >= p.churn_day).all()
    assert (p.account_opened_day >= p.opened_day[p.account_customer]).all()
    assert (p.account_opened_day < p.churn_day[p.account_customer]).all()
    assert (p.account_closed_day > p.account_opened_day).all()


def test_make_population__leaving__both_kinds_and_some_come_back() -> None:
    p = make_population(2_000, 7, DAYS)
    inside = (p.churn_day < DAYS) & (p.opened_day < DAYS)
    assert 0.03 <= (inside & (p.churn_kind == 1)).sum() / 2_000 <= 0.12
    assert 0.05 <= (inside & (p.churn_kind == 2)).sum() / 2_000 <= 0.20
    assert 0.005 <= (inside & (p.return_day < DAYS)).sum() / 2_000 <= 0.05
    hidden = p.churn_kind == 2
    assert 0.25 <= (p.return_day[hidden] < NEVER).mean() <= 0.35 and (p.return_day[~hidden] >= NEVER).all()


def test_make_population__activity__few_very_active() -> None:
    p = make_population(2_000, 7, DAYS)
    orders = np.sort(p.activity * p.orders_per_day)[::-1]
    assert 0.5 < orders[: len(orders) // 20].sum() / orders.sum() < 0.8
    assert 0.15 < (p.activity < 5).mean() < 0.4


def test_make_population__accounts__distinct_one_cash_account_each_and_savers_with_a_fund_account() -> None:
    p = make_population(2_000, 7, DAYS)
    assert len(set(p.account_id.tolist())) == len(p.account_id)
    assert set(p.account_kind.tolist()) == {"cash", "margin", "fund"}
    assert (p.account_kind == "cash").sum() == len(p.customer_no)
    savers = np.flatnonzero(p.persona == PERSONAS.index("fund_saver"))
    assert set(savers) <= set(p.account_customer[p.account_kind == "fund"])


def test_make_population__no_customers__raises() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        make_population(0, 1, DAYS)


def test_branch_ids__index__numbered_from_one() -> None:
    assert branch_ids(np.array([0, 41], dtype=np.int32)).tolist() == ["B0001", "B0042"]
    population = make_population(2_000, 7, DAYS)
    assert population.branch.max() < branch_count(2_000) and len(set(population.branch.tolist())) > 3
