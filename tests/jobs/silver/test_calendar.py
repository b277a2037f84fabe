from datetime import date, timedelta

import exchange_calendars
import pytest

from jobs.silver.calendar import Params, build
from tests.rows import as_dicts

pytestmark = pytest.mark.spark
SCHEMA = "calendar string, natural_date date, is_trading_day boolean"
COUNTS = {2019: 244, 2020: 243, 2021: 243, 2022: 242, 2023: 242, 2024: 242, 2025: 243}  # notices of the exchange


@pytest.fixture(scope="module")
def days(spark):
    """silver.calendar of Shanghai for 2019-2025, and of a market that never shuts for the first days of 2019."""
    sessions = {stamp.date() for stamp in exchange_calendars.get_calendar("XSHG", start="2019-01-01").sessions}
    first, last = date(2019, 1, 1), date(2025, 12, 31)
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    values = [("XSHG", day, day in sessions) for day in every] + [("24/7", day, True) for day in every[:3]]
    built = build(sessions=spark.createDataFrame(values, SCHEMA), params=Params())
    return {(row["calendar"], row["natural_date"]): row for row in as_dicts(built)}


def test_build__years_of_shanghai__as_many_trading_days_as_announced(days):
    shanghai = [row for (name, _), row in days.items() if name == "XSHG" and row["is_trading_day"]]
    assert {year: sum(row["natural_date"].year == year for row in shanghai) for year in COUNTS} == COUNTS
    assert days["XSHG", date(2025, 12, 31)]["trading_day_number"] == sum(COUNTS.values())


def test_build__lunar_new_year__belongs_to_the_first_night_after(days):
    for day in (date(2024, 2, 9), date(2024, 2, 10), date(2024, 2, 18)):  # the last is a make-up working Sunday
        row = days["XSHG", day]
        assert not row["is_trading_day"]
        assert row["night_date"] == row["next_trading_date"] == date(2024, 2, 19)
        assert row["previous_trading_date"] == date(2024, 2, 8)
    assert days["XSHG", date(2024, 2, 8)]["trading_day_number"] == days["XSHG", date(2024, 2, 18)]["trading_day_number"]


def test_build__trading_day__owns_itself(days):
    row = days["XSHG", date(2024, 2, 19)]
    assert (row["night_date"], row["previous_trading_date"]) == (date(2024, 2, 19), date(2024, 2, 8))
    assert row["next_trading_date"] == date(2024, 2, 20)
    assert row["trading_day_number"] == days["XSHG", date(2024, 2, 8)]["trading_day_number"] + 1


def test_build__ends_of_the_calendar__null_only_beyond_a_trading_day(days):
    first, last = days["XSHG", date(2019, 1, 1)], days["XSHG", date(2025, 12, 31)]
    assert (first["previous_trading_date"], first["trading_day_number"]) == (None, 0)
    assert first["night_date"] == date(2019, 1, 2)
    assert (last["night_date"], last["next_trading_date"]) == (date(2025, 12, 31), None)


def test_build__several_calendars__counted_apart(days):
    assert [days["24/7", date(2019, 1, n)]["trading_day_number"] for n in (1, 2, 3)] == [1, 2, 3]
    assert days["24/7", date(2019, 1, 3)]["next_trading_date"] is None


def test_build__no_input__no_rows(spark):
    assert build(sessions=spark.createDataFrame([], SCHEMA), params=Params()).count() == 0
