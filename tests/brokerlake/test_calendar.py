"""The trading calendar: published counts of trading days, closures, and dates nobody announced yet."""

from __future__ import annotations

from datetime import date

import pytest

from brokerlake.calendar import TradingCalendar, load_calendar
from brokerlake.errors import ConfigurationError

# Trading days a year of the Shanghai exchange, from its published closures.
DAYS_A_YEAR = {2019: 244, 2020: 243, 2021: 243, 2022: 242, 2023: 242, 2024: 242, 2025: 243}


@pytest.fixture(scope="module")
def calendar(test_settings) -> TradingCalendar:
    return load_calendar(test_settings)


@pytest.mark.parametrize("year", DAYS_A_YEAR)
def test_calendar__of_shanghai__has_the_published_trading_days(calendar, year):
    assert len(calendar.between(date(year, 1, 1), date(year, 12, 31))) == DAYS_A_YEAR[year]


def test_calendar__eve_of_the_lunar_new_year_2024__is_shut(calendar):
    assert not calendar.is_trading_day(date(2024, 2, 9))


@pytest.mark.parametrize("saturday", [date(2024, 2, 4), date(2024, 2, 18), date(2024, 9, 29), date(2024, 10, 12)])
def test_calendar__make_up_working_weekend__is_no_trading_day(calendar, saturday):
    assert not calendar.is_trading_day(saturday)


def test_calendar__date_past_the_announced_year__fails_loudly(calendar):
    with pytest.raises(ConfigurationError, match="2027-01-04 is outside the announced dates"):
        calendar.is_trading_day(date(2027, 1, 4))


def test_calendar__holiday__belongs_to_the_next_night(calendar):
    assert calendar.next_or_same(date(2024, 2, 10)) == date(2024, 2, 19)
    assert calendar.previous(date(2024, 2, 19)) == date(2024, 2, 8)
    assert calendar.next(date(2024, 2, 8)) == date(2024, 2, 19)
    assert calendar.back(date(2024, 2, 19), 1) == date(2024, 2, 8)


def test_calendar__back_past_its_beginning__is_none(calendar):
    assert calendar.back(calendar.days[3], 4) is None


def test_is_month_end__last_trading_day__is_true(calendar):
    assert calendar.is_month_end(date(2024, 8, 30))
    assert not calendar.is_month_end(date(2024, 8, 31))
    assert not calendar.is_month_end(date(2024, 8, 29))
