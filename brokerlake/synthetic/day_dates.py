"""Trading-day indexes to dates: 0 is the first day of history, negative days lie before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class DayDates:
    """The trading dates of a history, and plausible dates for what happened before it."""

    def __init__(self, trading_dates: Sequence[date]):
        self.trading_dates = tuple(trading_dates)
        self._dates = np.array(self.trading_dates, dtype="datetime64[D]")

    def dates(self, days: NDArray[np.integer]) -> NDArray[np.datetime64]:
        """datetime64[D] per day; NaT for days past the known calendar; five trading days before it make a week."""
        days = np.asarray(days, dtype=np.int64)
        known = self._dates[np.clip(days, 0, len(self._dates) - 1)]
        before = self._dates[0] + (days * 7 // 5).astype("timedelta64[D]")
        past = np.where(days < 0, before, known)
        return np.where(days >= len(self._dates), np.datetime64("NaT", "D"), past)

    def date32(self, days: NDArray[np.integer]) -> pa.Array:
        """The same as an Arrow date column, null past the known calendar."""
        return pa.array(self.dates(days))

    def natural_dates(self, day: int) -> list[date]:
        """The natural days night `day` owns: after the trading day before, up to its own."""
        last = self._dates[day]
        first = self._dates[day - 1] + 1 if day > 0 else last
        return [item.astype(object) for item in np.arange(first, last + 1)]


def times_of(dates: NDArray[np.datetime64], seconds: NDArray[np.integer]) -> pa.Array:
    """Market-local timestamps [s] of dates and seconds of the day."""
    return pa.array(dates.astype("datetime64[s]") + seconds.astype("timedelta64[s]"))
