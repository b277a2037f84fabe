"""Windows over the days of many persons for many as-of dates: sums, levels, slopes, peaks, days with activity.

A person's days are read once and become matrices of persons by days; each as-of date is then some vector operations.
The same over rows repeated per as-of date costs many times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.methods.level_peaks import Numbers, max_drawdowns, peak_sums

Flags = NDArray[np.bool_]
ID = "one_id"
PLACE = "_place"
"""A number made of the person, by which rows are sorted: cheaper than by text. Persons may share one."""
TOLD = ("_night", "_day", "_month", "_known", "_since", "_until")
"""Of a change: the night its day belongs to, the day and its month by number, the night that told it, and the first and
last as-of night that counts it.
"""
ASKED = ("_as_of_night", "_as_of_day", "_as_of_month")
AMOUNT = pa.decimal128(18, 4)
MOST_UNITS = 10**AMOUNT.precision
ROWS_AT_A_TIME = 30_000
"""Changes of whole persons that are looked at together."""


@dataclass(frozen=True)
class Wanted:
    """What is made of a person's days, each number under its name.

    Attributes:
        window_days: trading days up to the as-of date that are read.
        mean_days: trading days of the mean whose peak is wanted.
        month_count: months whose sums are wanted, the as-of date's included.
        level: the measure with a peak, a drawdown and month sums.
        families: measures that are told together or not at all.
        sums: a measure's sum over the trading days from so many back to before so many.
        back_sums: the same with each day weighted by the trading days back to it.
        ago: a measure so many trading days back.
        days_with: the trading days of a window on which a measure is positive.
        days_since: trading days back to the last one on which a measure is positive; null without one.
        streaks: unbroken trading days up to the as-of date on which a measure is positive.
        natural_sums: a measure's sum over so many natural days.
        natural_days: the natural days of a window on which one of several measures is positive.
        amounts: numbers that are money, given as DECIMAL(18,4).
    """

    window_days: int
    mean_days: int
    month_count: int
    level: str
    families: Mapping[str, Sequence[str]]
    sums: Mapping[str, tuple[str, int, int]]
    back_sums: Mapping[str, tuple[str, int, int]]
    ago: Mapping[str, tuple[str, int]]
    days_with: Mapping[str, tuple[str, int]]
    days_since: Mapping[str, str]
    streaks: Mapping[str, str]
    natural_sums: Mapping[str, tuple[str, int]]
    natural_days: Mapping[str, tuple[Sequence[str], int]]
    amounts: Collection[str]

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the whole numbers that are made."""
        summed = (self.sums, self.back_sums, self.natural_sums)
        counted = (self.ago, self.days_with, self.days_since, self.streaks, self.natural_days)
        return tuple(name for part in (*summed, *counted) for name in part)

    @property
    def result_type(self) -> str:
        """The columns of `window_numbers`, as Spark writes a schema."""
        types = {name: "decimal(18,4)" if name in self.amounts else "bigint" for name in self.numbers}
        numbers = ", ".join(f"`{name}` {type_}" for name, type_ in types.items())
        return f"{ID} string, _as_of_day int, peak_sum bigint, max_drawdown double, month_sums array<bigint>, {numbers}"


@dataclass(frozen=True)
class Days:
    """Changes of the days of some persons, an array for each column of `TOLD`.

    Attributes:
        persons: how many persons there are.
        person: whose change it is, by number from 0.
        told: the columns of `TOLD`.
        values: a measure's values in its unit, and the changes that have them; 0 may be left out.
    """

    persons: int
    person: Numbers
    told: Mapping[str, Numbers]
    values: Mapping[str, tuple[Numbers, Numbers]]

    def counted(self, night: int) -> Flags:
        """Which changes are known that night and those of a party that is the person's on it."""
        known, since, until = (self.told[name] for name in ("_known", "_since", "_until"))
        return (known <= night) & (since <= night) & (night <= until)

    def totals(self, measure: str, places: Numbers, count: int, weights: Numbers | None = None) -> Numbers:
        """Sums of a measure, persons by places; a change lies in its one of `places`, in none below 0."""
        changes, values = self.values[measure]
        at = places[changes]
        inside = np.flatnonzero(at >= 0)
        changes, summands = changes[inside], values[inside]
        if weights is not None:
            summands = summands * weights[changes]
        found = np.zeros(self.persons * count, dtype=np.int64)
        np.add.at(found, self.person[changes] * count + at[inside], summands)
        return found.reshape(self.persons, count)


@dataclass(frozen=True)
class AsOf:
    """What is known of the days of some persons on the night of an as-of date.

    Attributes:
        days: the changes.
        wanted: what is made of them.
        night, day, month: the as-of date by number.
    """

    days: Days
    wanted: Wanted
    night: int
    day: int
    month: int

    @cached_property
    def _counted(self) -> Flags:
        return self.days.counted(self.night)

    @cached_property
    def _back(self) -> Numbers:
        return self._places(self.night - self.days.told["_night"], self.wanted.window_days)

    def _places(self, ago: Numbers, count: int) -> Numbers:
        return np.where(self._counted & (ago >= 0) & (ago < count), ago, -1)

    def by_day(self, measure: str) -> Numbers:
        """A measure on the last trading days, persons by days, latest first; 0 where none is told."""
        return self.days.totals(measure, self._back, self.wanted.window_days)

    def by_natural_day(self, measure: str, count: int) -> Numbers:
        """A measure on the last `count` natural days, persons by days, latest first."""
        return self.days.totals(measure, self._places(self.day - self.days.told["_day"], count), count)

    def by_month(self, measure: str, count: int) -> Numbers:
        """Sums over the as-of date's month and the months before it, persons by months, latest first."""
        return self.days.totals(measure, self._places(self.month - self.days.told["_month"], count), count)

    def _windows(self, asked: Mapping[str, tuple[str, int, int]], weights: Numbers | None) -> dict[str, Numbers]:
        """Sums over windows of trading days: bands between all edges first, then cumulated."""
        edges = sorted({edge for _, *ends in asked.values() for edge in ends})
        band = np.where(self._back >= edges[0], np.searchsorted(edges, self._back, side="right") - 1, -1)
        band[self._back >= edges[-1]] = -1
        up_to: dict[str, Numbers] = {}
        for measure in dict.fromkeys(name for name, *_ in asked.values()):
            bands = self.days.totals(measure, band, len(edges) - 1, weights)
            up_to[measure] = np.pad(np.cumsum(bands, axis=1), ((0, 0), (1, 0)))
        at = {edge: place for place, edge in enumerate(edges)}
        return {
            name: up_to[measure][:, at[last]] - up_to[measure][:, at[first]]
            for name, (measure, first, last) in asked.items()
        }

    def numbers(self) -> dict[str, pa.Array]:
        """The columns of `wanted.numbers`, a value for each person."""
        wanted = self.wanted
        found: dict[str, Any] = {
            **self._windows(wanted.sums, None),
            **self._windows(wanted.back_sums, self._back),
        }
        for name, (measure, count) in wanted.natural_sums.items():
            found[name] = self.by_natural_day(measure, count).sum(axis=1)
        listed = [name for name, _ in (*wanted.ago.values(), *wanted.days_with.values())]
        measures = dict.fromkeys([*listed, *wanted.days_since.values(), *wanted.streaks.values()])
        days = {measure: self.by_day(measure) for measure in measures}
        for name, (measure, ago) in wanted.ago.items():
            found[name] = days[measure][:, ago]
        for name, (measure, count) in wanted.days_with.items():
            found[name] = (days[measure][:, :count] > 0).sum(axis=1)
        for name, measure in wanted.days_since.items():
            with_any = days[measure] > 0
            found[name] = pa.array(with_any.argmax(axis=1), pa.int64(), mask=~with_any.any(axis=1))
        for name, measure in wanted.streaks.items():
            gaps = days[measure] <= 0
            found[name] = np.where(gaps.any(axis=1), gaps.argmax(axis=1), wanted.window_days)
        for name, (names, count) in wanted.natural_days.items():
            told = [self.by_natural_day(measure, count) > 0 for measure in names]
            found[name] = np.logical_or.reduce(told).sum(axis=1)
        return {
            name: to_amounts(found[name]) if name in wanted.amounts else pa.array(found[name], pa.int64())
            for name in wanted.numbers
        }

    def columns(self) -> dict[str, pa.Array]:
        """The columns of `wanted.result_type` but the person, a value for each person."""
        wanted = self.wanted
        held = self.by_day(wanted.level)[:, ::-1]
        return {
            "_as_of_day": pa.array(np.full(self.days.persons, self.day), pa.int32()),
            "peak_sum": peak_sums(held, wanted.mean_days),
            "max_drawdown": max_drawdowns(held),
            "month_sums": pa.array(list(self.by_month(wanted.level, wanted.month_count)), pa.list_(pa.int64())),
            **self.numbers(),
        }


def to_amounts(units: Numbers) -> pa.Array:
    """Ten-thousandths of a yuan as DECIMAL(18,4), whose digits they are; raises OverflowError beyond 18 digits."""
    if ((units >= MOST_UNITS) | (units <= -MOST_UNITS)).any():
        raise OverflowError(f"an amount has more digits than DECIMAL({AMOUNT.precision},{AMOUNT.scale})")
    low_and_high = np.stack([units, units >> 63], axis=1)
    return pa.Array.from_buffers(AMOUNT, len(units), [None, pa.py_buffer(low_and_high)])


def window_numbers(wanted: Wanted) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """For `mapInArrow`: rows in the order of their persons' places to one row per person and as-of date asked for.

    A row has the columns of `TOLD` and an array of measures for each of `wanted.families`, or those of `ASKED` alone.
    The result's columns are `wanted.result_type`.
    """

    def numbers_of(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for group in _whole_persons(batches):
            yield from _answer(group, wanted)

    return numbers_of


def _whole_persons(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Larger batches that hold all rows of each of their persons."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(part.num_rows for part in held) >= ROWS_AT_A_TIME:
            rows = pa.concat_batches(held)
            last = pc.index(rows.column(PLACE), rows.column(PLACE)[-1]).as_py()
            if last:
                yield rows.slice(0, last)
            held = [rows.slice(last)]
    if held:
        yield pa.concat_batches(held)


def _answer(rows: pa.RecordBatch, wanted: Wanted) -> Iterator[pa.RecordBatch]:
    ids = rows.column(ID).dictionary_encode()
    person = _integers(ids.indices)
    is_asked = rows.column(ASKED[0]).is_valid()
    asked, told = rows.filter(is_asked), rows.filter(pc.invert(is_asked))
    days = _days(told, person[~is_asked.to_numpy(zero_copy_only=False)], len(ids.dictionary), wanted)
    night, *dates = (_integers(asked.column(name)) for name in ASKED)
    of_person = person[is_asked.to_numpy(zero_copy_only=False)]
    for one, first in zip(*np.unique(night, return_index=True), strict=True):
        columns = AsOf(days, wanted, int(one), *(int(part[first]) for part in dates)).columns()
        everybody = pa.RecordBatch.from_pydict({ID: ids.dictionary, **columns})
        yield everybody.take(pa.array(of_person[night == one]))


def _days(told: pa.RecordBatch, person: Numbers, persons: int, wanted: Wanted) -> Days:
    values: dict[str, tuple[Numbers, Numbers]] = {}
    for family, measures in wanted.families.items():
        parts = told.column(family)
        changes = np.flatnonzero(parts.is_valid().to_numpy(zero_copy_only=False))
        table = _integers(parts.flatten()).reshape(-1, len(measures))
        for measure, numbers in zip(measures, table.T, strict=True):
            there = np.flatnonzero(numbers)
            values[measure] = changes[there], numbers[there]
    return Days(persons, person, {name: _integers(told.column(name)) for name in TOLD}, values)


def _integers(column: pa.Array) -> Numbers:
    return np.asarray(column.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)
