"""A small broker for the tests of the books: its parts, and some days kept."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pyarrow as pa

from brokerlake.synthetic.books import Books
from brokerlake.synthetic.fees import FeeSchedule, load_fee_schedule
from brokerlake.synthetic.market import Market
from brokerlake.synthetic.population import Population, make_population

FEES = Path(__file__).resolve().parents[3] / "conf" / "fees.yaml"
CUSTOMERS, DAYS, SEED = 300, 75, 5


def weekdays(first: date, count: int) -> list[date]:
    """`count` weekdays from `first` on, less the first week of October."""
    found: list[date] = []
    while len(found) < count:
        if first.weekday() < 5 and not (first.month == 10 and first.day < 8):
            found.append(first)
        first += timedelta(days=1)
    return found


@cache
def make_parts(first: date = date(2023, 6, 1), days: int = DAYS) -> tuple[Population, Market, FeeSchedule]:
    """Population, market and fees of the small broker."""
    market = Market(SEED, weekdays(first, days + 6))
    fees = load_fee_schedule(FEES, list(market.listed.line), list(market.listed.market))
    return make_population(CUSTOMERS, SEED, days), market, fees


@cache
def kept_days() -> tuple[dict[str, pa.Table], ...]:
    """Every day's tables of one straight run."""
    books = Books(*make_parts(), SEED)
    return tuple(books.step(day) for day in range(DAYS))


def column(name: str, feed: str) -> list:
    """All values of a feed's column over the days."""
    return [value for tables in kept_days() for value in tables[feed][name].to_pylist()]
