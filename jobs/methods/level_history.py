"""Peak mean, drawdown and month sums of a daily level, for many as-of dates from one series.

They need the days in order, and the window of each as-of date starts elsewhere. So the series of a party is read once,
as arrays, and each as-of date is a few vector operations; window functions over rows repeated per as-of date cost
twenty times as much.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import Column
from pyspark.sql import functions as F

Numbers = NDArray[np.int64]
HISTORY_TYPE = "array<struct<night:int, peak_sum:bigint, max_drawdown:double, month_sums:array<bigint>>>"


@dataclass(frozen=True)
class Series:
    """Changes of a party's daily level: the night a day belongs to, its month, the night that told it, the change."""

    nights: Numbers
    months: Numbers
    known: Numbers
    levels: Numbers

    def as_of(self, night: int, window_days: int) -> Numbers:
        """Levels of the last `window_days` trading days, oldest first, as known that night; 0 where none is told."""
        inside = (self.known <= night) & (self.nights <= night) & (self.nights > night - window_days)
        levels = np.zeros(window_days, dtype=np.int64)
        np.add.at(levels, self.nights[inside] - (night - window_days + 1), self.levels[inside])
        return levels

    def month_sums(self, night: int, last_month: int, count: int) -> Numbers:
        """Sums of the daily levels over `last_month` and the months before it, latest first, as known that night."""
        ago = last_month - self.months
        inside = (self.known <= night) & (ago >= 0) & (ago < count)
        sums = np.zeros(count, dtype=np.int64)
        np.add.at(sums, ago[inside], self.levels[inside])
        return sums


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


def level_histories(window_days: int, mean_days: int, month_count: int) -> Callable[..., Column]:
    """A function of array columns to one struct per as-of night.

    The columns are nights, months, known and levels of a party's series, then its as-of nights and the month of each;
    months are numbers. `month_sums` are those of the as-of night's month and the `month_count` - 1 before it.
    """

    def histories_of(
        nights: pd.Series, months: pd.Series, known: pd.Series, levels: pd.Series, as_of: pd.Series, month: pd.Series
    ) -> pd.Series:
        found = []
        for row in zip(nights, months, known, levels, as_of, month, strict=True):
            series = Series(*[np.asarray(part, dtype=np.int64) for part in row[:4]])
            found.append([history(series, int(at), int(in_month)) for at, in_month in zip(*row[4:], strict=True)])
        return pd.Series(found)

    def history(series: Series, night: int, month: int) -> dict[str, Any]:
        held = series.as_of(night, window_days)
        return {
            "night": night,
            "peak_sum": peak_sum(held, mean_days),
            "max_drawdown": max_drawdown(held),
            "month_sums": series.month_sums(night, month, month_count).tolist(),
        }

    vectorised: Any = F.pandas_udf
    return vectorised(histories_of, HISTORY_TYPE)


def columns_of(array: str, *names: str) -> list[Column]:
    """The fields of an array of structs as arrays."""
    return [F.col(f"{array}.{name}") for name in names]
