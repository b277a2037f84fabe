"""Windows over a person's days for many as-of dates from one series: levels, slopes, peaks, days with activity.

Some measures say something on nearly every day, others need the days in order or told apart. So the series of a person
is read once, as arrays, and each as-of date is a few vector operations; the same over rows repeated per as-of date
costs many times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import Column
from pyspark.sql import functions as F

Numbers = NDArray[np.int64]
HISTORY_TYPE = (
    "array<struct<night:int, peak_sum:bigint, max_drawdown:double, month_sums:array<bigint>, numbers:array<bigint>>>"
)
SERIES = ("_night", "_day", "_month", "_known", "_since", "_until")
"""Of a change: the night its day belongs to, the day and its month by number, the night that told it, and the first and
last as-of night that counts it.
"""
ASKED = ("_as_of_night", "_as_of_day", "_as_of_month")


@dataclass(frozen=True)
class Wanted:
    """What is made of the series of a person, each number under its name.

    Attributes:
        window_days: trading days up to the as-of date that are read.
        mean_days: trading days of the mean whose peak is wanted.
        month_count: months whose sums are wanted, the as-of date's included.
        level: the measure with a peak, a drawdown and month sums.
        sums: a measure's sum over so many trading days.
        back_sums: the same with each day weighted by the trading days back to it.
        ago: a measure so many trading days back.
        days_with: the trading days of a window on which a measure is positive.
        days_since: trading days back to the last one on which a measure is positive; null without one.
        streaks: unbroken trading days up to the as-of date on which a measure is positive.
        natural_days: the natural days of a window on which one of several measures is positive.
    """

    window_days: int
    mean_days: int
    month_count: int
    level: str
    sums: Mapping[str, tuple[str, int]]
    back_sums: Mapping[str, tuple[str, int]]
    ago: Mapping[str, tuple[str, int]]
    days_with: Mapping[str, tuple[str, int]]
    days_since: Mapping[str, str]
    streaks: Mapping[str, str]
    natural_days: Mapping[str, tuple[Sequence[str], int]]

    @property
    def by_trading_day(self) -> tuple[str, ...]:
        """Measures that are read by trading day."""
        listed = [*self.sums.values(), *self.back_sums.values(), *self.ago.values(), *self.days_with.values()]
        names = [self.level, *[name for name, _ in listed], *self.days_since.values(), *self.streaks.values()]
        return tuple(dict.fromkeys(names))

    @property
    def measures(self) -> tuple[str, ...]:
        """Every measure that is read."""
        by_day = [name for names, _ in self.natural_days.values() for name in names]
        return tuple(dict.fromkeys([*self.by_trading_day, *by_day]))

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the numbers that `numbers_of` gives, in its order."""
        parts = (self.sums, self.back_sums, self.ago, self.days_with, self.days_since, self.streaks, self.natural_days)
        return tuple(name for part in parts for name in part)


@dataclass(frozen=True)
class Series:
    """Changes of a person's days, an array for each column of `SERIES` and for each measure, in the measure's unit."""

    nights: Numbers
    days: Numbers
    months: Numbers
    known: Numbers
    since: Numbers
    until: Numbers
    values: Mapping[str, Numbers]

    def counted(self, night: int) -> NDArray[np.bool_]:
        """Which changes are known that night and those of a party that is the person's on it."""
        return (self.known <= night) & (self.since <= night) & (night <= self.until)

    def last_days(self, measures: Sequence[str], night: int, count: int) -> dict[str, Numbers]:
        """Each measure on the last `count` trading days, latest first, as known that night; 0 where none is told."""
        back = night - self.nights
        return self._totals(measures, back, self.counted(night), count)

    def last_natural_days(self, measures: Sequence[str], night: int, day: int, count: int) -> dict[str, Numbers]:
        """Each measure on the last `count` natural days up to `day`, latest first, as known that night."""
        return self._totals(measures, day - self.days, self.counted(night), count)

    def month_sums(self, measure: str, night: int, last_month: int, count: int) -> Numbers:
        """Sums over `last_month` and the months before it, latest first, as known that night."""
        return self._totals([measure], last_month - self.months, self.counted(night), count)[measure]

    def _totals(
        self, measures: Sequence[str], ago: Numbers, counted: NDArray[np.bool_], count: int
    ) -> dict[str, Numbers]:
        inside = np.flatnonzero(counted & (ago >= 0) & (ago < count))
        places, found = ago[inside], {}
        for measure in measures:
            found[measure] = np.zeros(count, dtype=np.int64)
            np.add.at(found[measure], places, self.values[measure][inside])
        return found


def numbers_of(series: Series, days: Mapping[str, Numbers], night: int, day: int, wanted: Wanted) -> list[int | None]:
    """The numbers `wanted.numbers` names, as known that night, the as-of date being the day of that number.

    `days` are the last trading days of the measures in `wanted.by_trading_day`.
    """
    back = np.arange(wanted.window_days)
    found: list[int | None] = [int(days[name][:n].sum()) for name, n in wanted.sums.values()]
    found += [int((days[name] * back)[:n].sum()) for name, n in wanted.back_sums.values()]
    found += [int(days[name][ago]) for name, ago in wanted.ago.values()]
    found += [int((days[name][:n] > 0).sum()) for name, n in wanted.days_with.values()]
    for name in wanted.days_since.values():
        places = np.flatnonzero(days[name] > 0)
        found.append(int(places[0]) if places.size else None)
    for name in wanted.streaks.values():
        gaps = np.flatnonzero(days[name] <= 0)
        found.append(int(gaps[0]) if gaps.size else wanted.window_days)
    for names, n in wanted.natural_days.values():
        seen = [told > 0 for told in series.last_natural_days(names, night, day, n).values()]
        found.append(int(np.logical_or.reduce(seen).sum()))
    return found


def peak_sum(levels: Numbers, mean_days: int) -> int | None:
    """Highest sum over `mean_days` days in a row, ending on a day with a level; None when no day has one.

    Days before the first count as 0.
    """
    present = levels != 0
    if not present.any():
        return None
    sums = np.cumsum(levels)
    sums[mean_days:] = sums[mean_days:] - sums[:-mean_days]
    return int(sums[present].max())


def max_drawdown(levels: Numbers) -> float | None:
    """Largest fall from an earlier high, as a share of it, over days with a level; None without a positive level."""
    held = levels[levels != 0].astype(np.float64)
    highs = np.maximum.accumulate(held)
    falls = 1.0 - held[highs > 0] / highs[highs > 0]
    return float(max(falls.max(), 0.0)) if falls.size else None


def series_histories(wanted: Wanted) -> Callable[..., Column]:
    """A function of array columns to one struct per as-of night.

    The columns are those of `SERIES` and of `wanted.measures`, a person's changes, then those of `ASKED`. `month_sums`
    are those of the as-of date's month and the ones before it.
    """

    def histories_of(*columns: pd.Series) -> pd.Series:
        return pd.Series([history_of_person(row) for row in zip(*columns, strict=True)])

    def history_of_person(row: Sequence[Any]) -> list[dict[str, Any]]:
        changes = [np.asarray(part, dtype=np.int64) for part in row[: -len(ASKED)]]
        nights, days, months, known, since, until = changes[: len(SERIES)]
        values = dict(zip(wanted.measures, changes[len(SERIES) :], strict=True))
        series = Series(nights, days, months, known, since, until, values)
        return [history(series, *map(int, asked)) for asked in zip(*row[-len(ASKED) :], strict=True)]

    def history(series: Series, night: int, day: int, month: int) -> dict[str, Any]:
        days = series.last_days(wanted.by_trading_day, night, wanted.window_days)
        held = days[wanted.level][::-1]
        return {
            "night": night,
            "peak_sum": peak_sum(held, wanted.mean_days),
            "max_drawdown": max_drawdown(held),
            "month_sums": series.month_sums(wanted.level, night, month, wanted.month_count).tolist(),
            "numbers": numbers_of(series, days, night, day, wanted),
        }

    vectorised: Any = F.pandas_udf
    return vectorised(histories_of, HISTORY_TYPE)


def columns_of(array: str, *names: str) -> list[Column]:
    """The fields of an array of structs as arrays."""
    return [F.col(f"{array}.{name}") for name in names]
