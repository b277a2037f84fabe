"""Windows over additive days: bands first, so that the wide sums are made once, then cumulated to windows.

`back` is the number of trading days between a day and the as-of date; 0 is the as-of date itself. A window of n
trading days holds the days with `back` < n.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

BAND_STARTS = (0, 5, 10, 15, 20, 60, 120)
"""Bands of `back`, each up to the next start; every window length must be a start, or the end."""
LAST_DAY = 250


def band_of(back: Column) -> Column:
    """The start of the band a day lies in."""
    chosen = F.lit(BAND_STARTS[0])
    for start in BAND_STARTS[1:]:
        chosen = F.when(back >= start, F.lit(start)).otherwise(chosen)
    return chosen


def within(trading_days: int) -> Column:
    """True for bands inside a window; raises ValueError for a length that cuts a band."""
    if trading_days not in (*BAND_STARTS[1:], LAST_DAY):
        raise ValueError(f"a window of {trading_days} trading days cuts a band")
    return F.col("band") < trading_days


def window_sum(measure: str, trading_days: int, type_: str) -> Column:
    """Aggregate over bands: the sum of `measure` in the window; 0 without rows."""
    return F.coalesce(F.sum(F.when(within(trading_days), F.col(measure))), F.lit(0)).cast(type_)


def slope(total: Column, back_weighted: Column, trading_days: int) -> Column:
    """Least-squares slope per trading day of a daily series over a window; days without a row count as 0.

    With x = 0 for the oldest day and n - 1 for the as-of date, slope = (n Σxy - Σx Σy) / (n Σx² - (Σx)²), where
    Σxy = (n - 1) Σy - Σ back·y, Σx = n(n - 1)/2 and n Σx² - (Σx)² = n²(n² - 1)/12.

    Args:
        total: Σy in the window.
        back_weighted: Σ back·y in the window.
        trading_days: n, the length of the window.
    """
    n = trading_days
    y, by = total.cast("double"), back_weighted.cast("double")
    return (F.lit(n * (n - 1) / 2) * y - F.lit(float(n)) * by) / F.lit(n * n * (n * n - 1) / 12)


def entropy(parts: Sequence[Column]) -> Column:
    """Shannon entropy in nats of the shares of non-negative `parts`; null when they sum to nothing."""
    values = [F.greatest(part.cast("double"), F.lit(0.0)) for part in parts]
    total = sum(values[1:], values[0])
    terms = [F.when(value > 0, -(value / total) * F.log(value / total)).otherwise(F.lit(0.0)) for value in values]
    return F.when(total > 0, F.greatest(sum(terms[1:], terms[0]), F.lit(0.0)))


def share(part: Column, parts: Sequence[Column]) -> Column:
    """`part` as a ratio of the sum of `parts`; null when they sum to nothing."""
    total = sum(parts[1:], parts[0])
    return F.when(total > 0, part.cast("double") / total.cast("double"))


def level_history(days: DataFrame, by: Sequence[str], level: str, mean_days: int) -> DataFrame:
    """One row per `by`: `peak_sum`, the highest sum of `level` over any `mean_days` trading days, and `max_drawdown`.

    `days` has `back` and several rows a day may add up to its level. `max_drawdown` is the largest fall from an earlier
    high as a share of it (0-1), null when no level was ever positive.
    """
    in_time = Window.partitionBy(*by).orderBy("_day")
    rows = days.withColumn("_day", -F.col("back"))
    on_day = F.sum(level).over(in_time.rangeBetween(0, 0))
    rolling = F.sum(level).over(in_time.rangeBetween(1 - mean_days, 0))
    series = rows.select(*by, "_day", on_day.alias("_level"), rolling.alias("_rolling"))
    high = F.max("_level").over(in_time.rangeBetween(Window.unboundedPreceding, 0))
    fall = F.when(high > 0, F.greatest(1 - F.col("_level") / high, F.lit(0.0)))
    return (
        series.select(*by, "_rolling", fall.alias("_fall"))
        .groupBy(*by)
        .agg(F.max("_rolling").alias("peak_sum"), F.max("_fall").alias("max_drawdown"))
    )


def streak(days: DataFrame, by: Sequence[str], name: str) -> DataFrame:
    """One row per `by`: the unbroken trading days up to the as-of date, from one row per day with `back`."""
    newest_first = Window.partitionBy(*by).orderBy("back")
    unbroken = F.col("back") == F.row_number().over(newest_first) - 1
    return days.withColumn("_unbroken", unbroken).groupBy(*by).agg(F.count_if("_unbroken").alias(name))


def sums(rows: DataFrame, by: Sequence[str], columns: Mapping[str, Column]) -> DataFrame:
    """One row per `by` with the sum of each column."""
    return rows.groupBy(*by).agg(*[F.sum(column).alias(name) for name, column in columns.items()])
