"""What is derived from sums over windows of trading days: money, averages, slopes, shares and entropies."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pyspark.sql import Column
from pyspark.sql import functions as F

UNITS = 10_000


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
