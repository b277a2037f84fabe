"""Fees by date and market, exact to the cent."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from brokerlake.synthetic.fees import FeeSchedule, load_fee_schedule, round_half_up, share_by_amount
from tests.brokerlake.synthetic.books_fixture import FEES

LINES = ["stock", "stock", "etf", "convertible", "fund_equity"]
MARKETS = ["SSE", "SZSE", "SSE", "SZSE", "OTC"]


@pytest.fixture(scope="module")
def schedule() -> FeeSchedule:
    return load_fee_schedule(FEES, LINES, MARKETS)


@pytest.mark.parametrize(("day", "rate"), [(date(2023, 8, 27), 100_000), (date(2023, 8, 28), 50_000)])
def test_on__stamp_duty__stocks_only_and_halved_on_the_day(schedule: FeeSchedule, day: date, rate: int) -> None:
    assert schedule.on(day).stamp_duty.tolist() == [rate, rate, 0, 0, 0]


@pytest.mark.parametrize(("day", "rate"), [(date(2022, 4, 28), 2_000), (date(2022, 4, 29), 1_000)])
def test_on__transfer_fee__halved_on_the_day(schedule: FeeSchedule, day: date, rate: int) -> None:
    assert schedule.on(day).transfer_fee.tolist() == [rate, rate, 0, 0, 0]


@pytest.mark.parametrize(("day", "rate"), [(date(2023, 8, 27), 4_870), (date(2023, 8, 28), 3_410)])
def test_on__exchange_fee__by_the_date(schedule: FeeSchedule, day: date, rate: int) -> None:
    assert schedule.on(day).exchange_fee.tolist() == [rate, rate, rate, 0, 0]


def test_on__minimum_commission__five_for_stocks(schedule: FeeSchedule) -> None:
    assert schedule.on(date(2024, 1, 2)).minimum_commission.tolist() == [500, 500, 500, 100, 0]


def test_on__before_any_entry__no_fee(schedule: FeeSchedule) -> None:
    fees = schedule.on(date(1999, 1, 4))
    assert fees.stamp_duty.sum() == fees.interest == fees.custody_fee == 0


def test_round_half_up__halves__go_up() -> None:
    assert round_half_up(np.array([5, 14, 15, 25]), 10).tolist() == [1, 1, 2, 3]


def test_share_by_amount__spread_over_fills__adds_up_to_the_total() -> None:
    total, amount, group = np.array([500, 1_001]), np.array([100, 100, 100, 7]), np.array([0, 0, 0, 1])
    share = share_by_amount(total, amount, group, 2)
    assert share.tolist() == [166, 166, 168, 1_001]
    assert share_by_amount(total[:0], amount[:0], group[:0], 0).tolist() == []
