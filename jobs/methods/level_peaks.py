"""Peaks and drawdowns of daily levels: persons by days, oldest day first; 0 is a day without a level."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def peak_sums(levels: Numbers, mean_days: int) -> pa.Array:
    """Highest sum of each row over `mean_days` days in a row, ending on a day with a level; null when no day has one.

    Days before the first count as 0.
    """
    present = levels != 0
    up_to = np.cumsum(levels, axis=1)
    sums = up_to.copy()
    sums[:, mean_days:] -= up_to[:, :-mean_days]
    highest = np.where(present, sums, np.iinfo(np.int64).min).max(axis=1)
    return pa.array(highest, pa.int64(), mask=~present.any(axis=1))


def max_drawdowns(levels: Numbers) -> pa.Array:
    """Largest fall of each row from an earlier high, as a share of it, over days with a level; null without a high."""
    held = np.where(levels != 0, levels.astype(np.float64), -np.inf)
    highs = np.maximum.accumulate(held, axis=1)
    compared = (levels != 0) & (highs > 0)
    falls = 1.0 - np.divide(held, highs, out=np.ones_like(held), where=compared)
    return pa.array(np.maximum(falls.max(axis=1), 0.0), pa.float64(), mask=~compared.any(axis=1))
