"""Trading calendars: exchange_calendars plus the overrides of conf/calendar_overrides.yaml."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from brokerlake.errors import ConfigurationError
from brokerlake.plain_yaml import read_yaml
from brokerlake.settings import Settings


@dataclass(frozen=True)
class TradingCalendar:
    """The trading days of one market between two natural dates.

    Attributes:
        name: calendar code of exchange_calendars, e.g. XSHG or 24/7.
        first: first natural date it knows.
        last: last natural date that is announced; a later one raises ConfigurationError.
        days: trading days, ascending.
    """

    name: str
    first: date
    last: date
    days: tuple[date, ...]

    @cached_property
    def _known(self) -> frozenset[date]:
        return frozenset(self.days)

    def _check(self, day: date) -> None:
        if not self.first <= day <= self.last:
            raise ConfigurationError(
                f"calendar {self.name}: {day} is outside the announced dates {self.first} to {self.last}; "
                "see market.last_announced_date in conf/base.yaml"
            )

    def is_trading_day(self, day: date) -> bool:
        """True when the exchange is open on `day`."""
        self._check(day)
        return day in self._known

    def _at(self, index: int, asked: date) -> date:
        if not 0 <= index < len(self.days):
            raise ConfigurationError(f"calendar {self.name}: no trading day there, asked from {asked}")
        return self.days[index]

    def next_or_same(self, day: date) -> date:
        """The first trading day on or after `day`: the night that owns it."""
        self._check(day)
        return self._at(bisect_left(self.days, day), day)

    def next(self, day: date) -> date:
        """The first trading day after `day`."""
        self._check(day)
        return self._at(bisect_right(self.days, day), day)

    def previous(self, day: date) -> date:
        """The last trading day before `day`."""
        self._check(day)
        return self._at(bisect_left(self.days, day) - 1, day)

    def back(self, day: date, count: int) -> date | None:
        """The trading day `count` before the last one on or before `day`; None before the calendar begins."""
        self._check(day)
        index = bisect_right(self.days, day) - 1 - count
        return self.days[index] if index >= 0 else None

    def between(self, first: date, last: date) -> list[date]:
        """Trading days from `first` to `last`, both included."""
        if first > last:
            return []
        self._check(first)
        self._check(last)
        return list(self.days[bisect_left(self.days, first) : bisect_right(self.days, last)])

    def is_month_end(self, day: date) -> bool:
        """True for the last trading day of a month."""
        at = bisect_left(self.days, day)
        if at >= len(self.days) or self.days[at] != day:
            return False
        return at + 1 == len(self.days) or self.days[at + 1].month != day.month

    def natural_days(self) -> list[date]:
        """Every natural date it knows."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


def _override(days: Sequence[date], name: str, entries: Sequence[dict[str, object]]) -> tuple[date, ...]:
    known = set(days)
    for entry in entries:
        if entry["calendar"] != name:
            continue
        day = date.fromisoformat(str(entry["date"]))
        known.add(day) if entry["is_trading_day"] else known.discard(day)
    return tuple(sorted(known))


def load_calendar(settings: Settings) -> TradingCalendar:
    """The market's calendar from `market.first_date` to `market.last_announced_date`."""
    import exchange_calendars

    market = settings.conf["market"]
    name = str(market["calendar"])
    first, last = (date.fromisoformat(str(market[key])) for key in ("first_date", "last_announced_date"))
    try:
        sessions = exchange_calendars.get_calendar(name, start=str(first), end=str(last)).sessions
    except Exception as unknown:
        raise ConfigurationError(f"calendar {name}: not announced for {first} to {last}") from unknown
    days = [stamp.date() for stamp in sessions]
    overrides = settings.project / "conf" / "calendar_overrides.yaml"
    entries = (read_yaml(overrides) or []) if overrides.exists() else []
    return TradingCalendar(name, first, last, _override(days, name, entries))
