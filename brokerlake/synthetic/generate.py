"""The made-up broker's deliveries for a range of trading days, and the truth behind them.

The same arguments give the same bytes. At most a few days are in memory at once, so memory depends on the size of a
day, not on the number of days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from brokerlake.synthetic.books import Books
from brokerlake.synthetic.by_day import in_processes
from brokerlake.synthetic.faults import Faults
from brokerlake.synthetic.fees import load_fee_schedule
from brokerlake.synthetic.formats import FEEDS
from brokerlake.synthetic.market import ANNOUNCED_DAYS, Market
from brokerlake.synthetic.night import Broker, FeedPart
from brokerlake.synthetic.population import make_population
from brokerlake.synthetic.truth import PlantedFault, append_faults, load_state, save_state, write_people
from brokerlake.synthetic.writer import Part, deliver, planted_line_numbers

LOOK_AHEAD_DAYS = ANNOUNCED_DAYS
"""Trading days that the calendar must reach past the last day: settlements and announced dividends lie there."""

FEES = Path(__file__).resolve().parents[2] / "conf" / "fees.yaml"
Progress = Callable[[str], None]
CORRECTED_EVERY = 45  # trading days between deliveries that are handed over twice
CORRECTED_FEEDS = ("trading_orders", "crm_contacts", "channel_clicks")

DAYS_A_LINE = 20
"""Days of extracts for which one line of progress is said."""


def generate(
    *,
    landing: Path,
    truth: Path,
    customers: int = 2000,
    seed: int = 1,
    first: date,
    last: date,
    calendar_dates: Sequence[date],
    history_start: date,
    history_days: int = 400,
    events_per_day: int | None = None,
    executions_per_day: int | None = None,
    faults: bool = True,
    processes: int = 1,
    progress: Progress = lambda message: None,
) -> None:
    """Write the deliveries of every trading day from `first` to `last`.

    Goes on from the books in `truth` when they end the day before for the same arguments, else lives through it again.

    Args:
        landing: folder of the deliveries.
        truth: folder of the hidden truth.
        customers: how many open within `history_days`.
        seed: another one is another broker.
        first: first trading day to write.
        last: last trading day to write.
        history_start: day 0 of the broker's life.
        calendar_dates: trading dates in order, from `history_start` to LOOK_AHEAD_DAYS past `last` at least.
        history_days: trading days within which `customers` open; later ones open at the same pace.
        events_per_day: web events on a trading day; None for the customers' own pace.
        executions_per_day: executions on a trading day; None likewise.
        faults: plant named faults and write their ledger.
        processes: that write the days while this one keeps the books; with 1 it does both, one day at a time.
        progress: told one line per day.

    Raises:
        ValueError: `first` or `last` is no trading day, they are in the wrong order, or the calendar is too short.
    """
    dates = [day for day in calendar_dates if day >= history_start]
    days = _days_between(dates, first, last)
    house = _House(customers, seed, dates, history_days, executions_per_day, faults)
    truth.mkdir(parents=True, exist_ok=True)
    _go_to(house, truth, days[0], progress)
    planted = _write_days(
        house, days, _Writing(landing, house.broker, house.planter, events_per_day), processes, progress
    )
    append_faults(truth, planted, first)
    broker = house.broker
    write_people(truth, broker.people, broker.marketing, broker.advisers, broker.dates, days[-1])
    save_state(truth, house.arguments, last, house.books.state())


class _House:
    """The broker as the arguments make it.

    Attributes:
        arguments: what the books depend on; kept books of other arguments are not gone on from.
        books: at the beginning of the history.
        broker: everything around the books.
        planter: None for a broker without faults.
    """

    def __init__(
        self,
        customers: int,
        seed: int,
        dates: list[date],
        history_days: int,
        executions_per_day: int | None,
        faults: bool,
    ):
        self.arguments: dict[str, Any] = {
            "customers": customers,
            "seed": seed,
            "history_start": dates[0].isoformat(),
            "history_days": history_days,
            "executions_per_day": executions_per_day,
        }
        population = make_population(customers, seed, history_days)
        market = Market(seed, dates)
        fees = load_fee_schedule(FEES, market.listed.line.tolist(), market.listed.market.tolist())
        self.books = Books(population, market, fees, seed, executions_per_day)
        self.broker = Broker(population, customers, seed, dates, market)
        self.planter = Faults(population, seed, self.broker.dates) if faults else None


def next_date(landing: Path, calendar_dates: Iterable[date]) -> date | None:
    """The first calendar date after the newest business date of the executions in landing; None without any."""
    folder = landing / "trading_executions"
    delivered = [date.fromisoformat(path.name) for path in folder.iterdir()] if folder.is_dir() else []
    if not delivered:
        return None
    return min((day for day in calendar_dates if day > max(delivered)), default=None)


def _day_of(dates: Sequence[date], when: date, name: str) -> int:
    if when not in dates:
        raise ValueError(f"{name}: {when} is no trading day of the history")
    return dates.index(when)


def _days_between(dates: Sequence[date], first: date, last: date) -> range:
    """The days to write, as indexes of `dates`."""
    days = range(_day_of(dates, first, "first"), _day_of(dates, last, "last") + 1)
    if not days:
        raise ValueError(f"first: {first} lies after the last day {last}")
    if days[-1] + LOOK_AHEAD_DAYS >= len(dates):
        raise ValueError(f"the calendar must reach {LOOK_AHEAD_DAYS} trading days past {last}")
    return days


def _go_to(house: _House, truth: Path, day: int, progress: Progress) -> None:
    """Bring the books to the end of the day before."""
    if day == 0:
        return
    state = load_state(truth, house.arguments, house.broker.dates.trading_dates[day - 1])
    if state is not None:
        house.books.restore(state)
        return
    for passed in range(day):
        house.books.step(passed)
        if passed % 20 == 19:
            progress(f"lived through {passed + 1} of {day} days again")


@dataclass(frozen=True)
class _Day:
    """A day and what the books say of it."""

    day: int
    books: Mapping[str, pa.Table]


@dataclass(frozen=True)
class _Writing:
    """Writes a day's deliveries: any day on its own, in any process."""

    landing: Path
    broker: Broker
    planter: Faults | None
    events_per_day: int | None

    def __call__(self, of: _Day) -> list[PlantedFault]:
        """Deliver every feed of the day and return the ledger of what was planted."""
        when, ledger = self.broker.dates.trading_dates[of.day], []
        parts = self.broker.parts(of.day, of.books, self.events_per_day)
        for feed, files in groupby(parts, key=lambda part: part.feed):
            head = next(files)
            ready = (_ready(self.planter, part, of.day) for part in chain([head], files))
            if self.planter is not None and _is_corrected(feed, of.day):
                whole = list(ready)
                deliver(self.landing, feed, when, [_too_short(part) for part in whole], head.kind)
                file = f"{feed}/{when}/seq=1/{head.name}"
                ledger.append(PlantedFault(feed, when, file, 0, "corrected_delivery", "superseded", None))
                ledger += _deliver(self.landing, feed, when, whole, head.kind, sequence=2)
            else:
                ledger += _deliver(self.landing, feed, when, ready, head.kind, sequence=1)
        return ledger


def _write_days(house: _House, days: range, write: _Writing, processes: int, progress: Progress) -> list[PlantedFault]:
    """Deliver the days in turn and return the ledger of what was planted."""
    planted: list[PlantedFault] = []
    kept = (_Day(day, house.books.step(day)) for day in days)
    for number, ledger in enumerate(in_processes(write, kept, processes), start=1):
        planted += ledger
        if number % DAYS_A_LINE == 0 or number == len(days):
            progress(f"{house.broker.dates.trading_dates[days[number - 1]]} written ({number} of {len(days)})")
    return planted


def _ready(planter: Faults | None, part: FeedPart, day: int) -> Part:
    return planter.planted(part.feed, part.name, part.rows, day) if planter else Part(part.name, part.rows)


def _is_corrected(feed: str, day: int) -> bool:
    """The feeds take turns, so that no night has two corrected deliveries."""
    return feed in CORRECTED_FEEDS and day % CORRECTED_EVERY == 10 + 7 * CORRECTED_FEEDS.index(feed)


def _too_short(part: Part) -> Part:
    """The delivery as it was handed over first: the end is missing, the manifest agrees with what is there."""
    return Part(part.name, part.rows.slice(0, part.rows.num_rows * 3 // 5))


def _deliver(
    landing: Path, feed: str, when: date, parts: Iterable[Part], kind: str, sequence: int
) -> list[PlantedFault]:
    """Write the delivery, one file at a time, and list its planted lines."""
    ledger: list[PlantedFault] = []

    def noted() -> Iterator[Part]:
        for part in parts:
            numbers = planted_line_numbers(part, FEEDS[feed].has_header)
            file = f"{feed}/{when}/seq={sequence}/{part.name}"
            for planted, line in zip(part.planted, numbers, strict=True):
                ledger.append(PlantedFault(feed, when, file, line, planted.kind, planted.expected, planted.key))
            yield part

    deliver(landing, feed, when, noted(), kind, sequence)
    return ledger
