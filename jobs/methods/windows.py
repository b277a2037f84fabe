"""Windows over additive days: bands first, so that the wide sums are made once, then cumulated to windows.

`back` is the number of trading days between a day and the as-of date; 0 is the as-of date itself. A window of n
trading days holds the days with `back` < n.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

BAND_STARTS = (0, 5, 10, 15, 20, 60, 120)
"""Bands of `back`, each up to the next start; every window length must be a start, or the end."""
LAST_DAY = 250
UNITS = 10_000


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


def window_sum(value: Column, trading_days: int) -> Column:
    """Aggregate over bands: the sum of `value` in the window; null without rows."""
    return F.sum(F.when(within(trading_days), value))


def to_units(amount: Column) -> Column:
    """Money as whole ten-thousandths of a yuan: exact, and ten times cheaper to add up than decimals."""
    return F.when(amount != 0, (amount * UNITS).cast("bigint")).otherwise(F.lit(0).cast("bigint"))


def to_money(units: Column, divisor: int = 1) -> Column:
    """Ten-thousandths of a yuan, divided by `divisor`, as DECIMAL(18,4), half up."""
    if divisor == 1:
        amount = (units.cast("decimal(18,0)") * F.lit(Decimal("0.0001"))).cast("decimal(18,4)")
        return F.when(units != 0, amount).otherwise(F.lit(Decimal(0)).cast("decimal(18,4)"))
    return (units.cast("decimal(22,4)") / (UNITS * divisor)).cast("decimal(18,4)")


def month_mean(units: Column, days: Column) -> Column:
    """A sum in ten-thousandths of a yuan over the trading days of a month, as DECIMAL(18,4); null without days."""
    return F.try_divide(units.cast("decimal(22,4)"), days * UNITS).cast("decimal(18,4)")


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


def sums(rows: DataFrame, by: Sequence[str], columns: Mapping[str, Column]) -> DataFrame:
    """One row per `by` with the sum of each column."""
    return rows.groupBy(*by).agg(*[F.sum(column).alias(name) for name, column in columns.items()])
