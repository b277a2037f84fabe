"""silver.calendar: one row per calendar and natural date.

A night owns the natural days since the trading day before it, so weekends and holidays belong to the first trading
day after them. Make-up working Saturdays are no trading days: the exchange stays shut.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


@dataclass(frozen=True)
class Params:
    """No values: the exchange decides."""


def build(*, sessions: DataFrame, params: Params) -> DataFrame:
    """Every natural date of `sessions` (calendar, natural_date, is_trading_day) with its place among trading days."""
    by_date = Window.partitionBy("calendar").orderBy("natural_date")
    trading_date = F.when(F.col("is_trading_day"), F.col("natural_date"))
    until = by_date.rowsBetween(Window.unboundedPreceding, 0)
    before = by_date.rowsBetween(Window.unboundedPreceding, -1)
    # From the end: Spark grows a frame row by row, but reads one that shrinks anew for each row.
    from_end = Window.partitionBy("calendar").orderBy(F.col("natural_date").desc())
    from_now = from_end.rowsBetween(Window.unboundedPreceding, 0)
    after = from_end.rowsBetween(Window.unboundedPreceding, -1)
    return sessions.select(
        "calendar",
        "natural_date",
        "is_trading_day",
        F.count(trading_date).over(until).cast("int").alias("trading_day_number"),
        F.min(trading_date).over(from_now).alias("night_date"),
        F.max(trading_date).over(before).alias("previous_trading_date"),
        F.min(trading_date).over(after).alias("next_trading_date"),
    )
