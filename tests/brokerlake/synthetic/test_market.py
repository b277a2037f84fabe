"""The made-up market: bars that hold together, and days that stay the same when the calendar grows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from brokerlake.synthetic.market import ANNOUNCED_DAYS, FACTOR_SCALE, Market
from tests.brokerlake.synthetic.books_fixture import weekdays

DATES = weekdays(date(2023, 3, 1), 420)


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(7, DATES)


@pytest.mark.parametrize("seed", range(4))
def test_market__bars__high_and_low_enclose_and_limits_hold(seed: int) -> None:
    m = Market(seed, DATES)
    assert (m.high >= np.maximum(m.close, m.opening)).all()
    assert (m.low <= np.minimum(m.close, m.opening)).all()
    assert (m.low > 0).all()
    assert (m.high * 10 <= m.reference * 11).all()
    assert (m.low * 10 >= m.reference * 9).all()
    stocks = m.close[:, :-1][:, m.listed.is_stock]
    assert (stocks % 100 == 0).all() and stocks.min() > 0.5e4 and stocks.max() < 1_500e4


def test_market__longer_calendar__same_beginning() -> None:
    short, longer = Market(7, DATES[:120]), Market(7, DATES)
    for name in ("opening", "high", "low", "close", "reference", "volume", "backward_factor"):
        assert np.array_equal(getattr(short, name), getattr(longer, name)[:120])
    assert short.quotes(80).equals(longer.quotes(80))
    assert short.products(80).equals(longer.products(80))
    assert short.corporate_actions(80).equals(longer.corporate_actions(80))


def test_market__returns__share_a_factor(market: Market) -> None:
    change = np.diff(np.log(market.close * (market.backward_factor / FACTOR_SCALE)), axis=0)
    stocks, index = change[:, :200], change[:, -1]
    correlation = [np.corrcoef(stocks[:, k], index)[0, 1] for k in range(200)]
    assert 0.3 < np.median(correlation) < 0.8
    assert 0.005 < index.std() < 0.03


def test_market__pace__has_seasons_and_stays_bounded(market: Market) -> None:
    assert market.pace.min() >= 0.4 and market.pace.max() <= 2.2 and market.pace.std() > 0.1


def test_market__pace__spring_is_busier_than_february_and_days_before_a_long_holiday_are_quiet() -> None:
    pace = np.stack([Market(seed, DATES).pace for seed in range(16)])
    months = np.array([day.month for day in DATES])
    assert 0.6 < pace[:, months == 2].mean() / pace[:, months == 3].mean() < 0.85
    eve = [day for day in range(1, len(DATES) - 1) if (DATES[day + 1] - DATES[day]).days > 4]
    before = [day - 1 for day in eve]
    assert len(eve) == 2 and 0.6 < pace[:, eve].mean() / pace[:, before].mean() < 0.85


def test_quotes__any_day__one_row_per_product_and_the_index(market: Market) -> None:
    quotes = market.quotes(10)
    bar = ["open", "high", "low", "close", "prev_close", "volume", "turnover", "backward_factor"]
    assert quotes.column_names == ["product_id", "quote_date", *bar, "nav_date", "published_at"]
    assert len(set(quotes["product_id"].to_pylist())) == len(quotes) == len(market.listed) + 1
    assert quotes["product_id"].to_pylist()[-1] == "000300.IDX"
    fund = [row for row in quotes.to_pylist() if row["nav_date"] is not None]
    assert len(fund) == 48 and all(row["nav_date"] == DATES[10] and row["volume"] == 0 for row in fund)


def test_quotes__index__turns_over_what_its_shares_do_not_its_points() -> None:
    for seed in range(4):
        told = Market(seed, DATES)
        turnovers = [float(told.quotes(day)["turnover"][-1].as_py()) for day in range(0, len(DATES), 10)]
        assert min(turnovers) > 5e10 and max(turnovers) < 3e12


def test_corporate_actions__announced__take_effect_on_their_ex_date(market: Market) -> None:
    close = {}
    announced = []
    for day in range(len(DATES) - ANNOUNCED_DAYS):
        announced += market.corporate_actions(day).to_pylist()
        close[DATES[day]] = day
    assert {row["kind"] for row in announced} == {"dividend", "bonus"} and len(announced) > 50
    index_of = {name: k for k, name in enumerate(market.listed.product_id.tolist())}
    for row in announced:
        ex_day, product = DATES.index(row["ex_date"]), index_of[row["product_id"]]
        assert DATES[ex_day - 1] == row["record_date"]
        before = Decimal(int(market.close[ex_day - 1, product])) / 10_000
        reference = Decimal(int(market.reference[ex_day, product])) / 10_000
        expected = (before - (row["cash_per_share"] or 0)) / (1 + (row["ratio"] or 0))
        assert abs(reference - expected) <= Decimal("0.01")
        assert market.backward_factor[ex_day, product] > market.backward_factor[ex_day - 1, product]


def test_corporate_actions__calendar_too_short__raises(market: Market) -> None:
    with pytest.raises(ValueError, match="calendar"):
        market.corporate_actions(len(DATES) - 1)


def test_products__later_day__some_risk_levels_have_risen(market: Market) -> None:
    first, last = (market.products(day)["risk_level"].to_pylist() for day in (0, 400))
    raised = [(a, b) for a, b in zip(first, last, strict=True) if a != b]
    assert 1 <= len(raised) <= 20 and all(b > a for a, b in raised)
    assert set(last) <= {"R1", "R2", "R3", "R4", "R5"}
    assert len(set(market.products(0)["product_id"].to_pylist())) == len(first) > 280


def test_natural_number__before_the_history__falls_back_by_weeks(market: Market) -> None:
    assert market.natural_number(np.array([0, 5])).tolist() == market.numbers[[0, 5]].tolist()
    assert market.natural_number(np.array([-5]))[0] == market.numbers[0] - 7
