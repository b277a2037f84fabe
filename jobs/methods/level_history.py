"""Peak mean and drawdown of a daily level, for many as-of dates from one series.

Both need the days in order, and the window of each as-of date starts elsewhere. So the series of a party is read once,
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
HISTORY_TYPE = "array<struct<night:int, peak_sum:bigint, max_drawdown:double>>"


@dataclass(frozen=True)
class Series:
    """Changes of a party's daily level: the night a day belongs to, the night that told it, the change."""

    nights: Numbers
    known: Numbers
    levels: Numbers

    def as_of(self, night: int, window_days: int) -> Numbers:
        """Levels of the last `window_days` trading days, oldest first, as known that night; 0 where none is told."""
        inside = (self.known <= night) & (self.nights <= night) & (self.nights > night - window_days)
        levels = np.zeros(window_days, dtype=np.int64)
        np.add.at(levels, self.nights[inside] - (night - window_days + 1), self.levels[inside])
        return levels


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


def level_histories(window_days: int, mean_days: int) -> Callable[..., Column]:
    """A function of four array columns (nights, known, levels, as-of nights) to one struct per as-of night."""

    def histories_of(nights: pd.Series, known: pd.Series, levels: pd.Series, as_of: pd.Series) -> pd.Series:
        found = []
        for row in zip(nights, known, levels, as_of, strict=True):
            series = Series(*[np.asarray(part, dtype=np.int64) for part in row[:3]])
            known_levels = [(int(night), series.as_of(int(night), window_days)) for night in row[3]]
            found.append(
                [
                    {"night": night, "peak_sum": peak_sum(held, mean_days), "max_drawdown": max_drawdown(held)}
                    for night, held in known_levels
                ]
            )
        return pd.Series(found)

    vectorised: Any = F.pandas_udf
    return vectorised(histories_of, HISTORY_TYPE)


def columns_of(array: str, *names: str) -> list[Column]:
    """The fields of an array of structs as arrays."""
    return [F.col(f"{array}.{name}") for name in names]
