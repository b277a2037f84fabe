"""RFM scores: quintiles in which equal values always share a score."""

from __future__ import annotations

from pyspark.sql import Column, Window
from pyspark.sql import functions as F

QUINTILES = 5


def score_quintiles(value: Column, *partition: Column | str) -> Column:
    """1 (lowest fifth) to 5: one more than the fifths of the partition's rows with a strictly lower value.

    Whole-number arithmetic, so ties are ties on every engine. A lone row scores 1.
    """
    below = F.rank().over(Window.partitionBy(*partition).orderBy(value.asc())) - 1
    rows = F.count(F.lit(1)).over(Window.partitionBy(*partition))
    return (F.floor(below * QUINTILES / rows) + 1).cast("int")


def level_letters(scores: list[Column], high_from: int) -> Column:
    """One letter per score: H from `high_from` on, L below."""
    return F.concat(*[F.when(score >= high_from, "H").otherwise("L") for score in scores])
