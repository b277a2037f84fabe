"""Tiers of customers by the average of a month, and how long a tier is kept.

A tier is reached at once: on any date on which the running month's average is there, or a month ended there. It is lost
after n month ends in a row below it, to the best level of those n. So at every date the tier is that of the best among
the running month's average and the last n month ends: no earlier tier need be known
(docs/decisions/0009-a-tier-is-the-best-of-six-month-ends.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F


def best_average(running: Column, ended: Sequence[Column]) -> Column:
    """The highest of the running month's average and of the month ends known; null when none is."""
    return F.greatest(running, *ended)


def tier_of(average: Column, bounds: Sequence[str], names: Sequence[str]) -> Column:
    """The tier whose bounds hold the average; no average counts as nothing.

    Args:
        average: month average of net assets, CNY.
        bounds: lower bounds of every tier but the lowest, ascending.
        names: names of the tiers, the lowest first.
    """
    level = F.coalesce(average, F.lit(0).cast("decimal(18,4)"))
    tier = F.lit(names[0])
    for bound, name in zip(bounds, names[1:], strict=True):
        tier = F.when(level >= F.lit(bound).cast("decimal(18,4)"), name).otherwise(tier)
    return tier
