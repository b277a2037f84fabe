"""Levels at close (holdings, cash) of the night before, as known on each night of a run.

Nights are the delivery dates the rows themselves have, so the first of a lake has no night before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, GroupedData, Window
from pyspark.sql import functions as F

from jobs.methods.verdicts import KEPT

NIGHT = "_delivered_on"
NIGHT_BEFORE = "_night_before"


def nights_of(rows: DataFrame, previous: DataFrame) -> DataFrame:
    """One row per night of `rows` and `previous`, with the night before and after it (null at the ends)."""
    dates = rows.select(NIGHT).unionByName(previous.select(NIGHT)).distinct()
    by_date = Window.orderBy(NIGHT)
    return dates.select(
        NIGHT, F.lag(NIGHT).over(by_date).alias(NIGHT_BEFORE), F.lead(NIGHT).over(by_date).alias("_night_after")
    )


def on_time(date_column: str) -> Column:
    """True for a row that speaks of the night that delivered it and takes nothing back."""
    return (F.col(date_column) == F.col(NIGHT)) & ~F.col("_withdrawn")


def first_version_wins() -> Column:
    """Sorts versions of one level: the latest business date and sequence first, then the earliest delivery."""
    return F.struct(
        -F.unix_date("_business_date"),
        -F.col("_sequence"),
        F.col(NIGHT).alias("_taken_on"),
        F.col("_file"),
        F.col("_line"),
    )


def levels_before(
    rows: DataFrame,
    previous: DataFrame,
    nights: DataFrame,
    *,
    date_column: str,
    key: Sequence[str],
    values: Sequence[str],
) -> DataFrame:
    """Versions of the levels of the night before: `key`, `_delivered_on` (the night), `values` and `_version`.

    Of several rows per key and night the smallest `_version` counts. A row counts for the night after its own, and
    a correction of yesterday's level counts at once; a level taken back is 0. Rejected rows are left out.
    """
    kept = rows.where(F.col("_verdict") == KEPT) if "_verdict" in rows.columns else rows
    columns = [*key, date_column, *values, "_withdrawn", "_business_date", "_sequence", "_file", "_line", NIGHT]
    known = kept.select(*columns).unionByName(previous.select(*columns))
    dated = known.join(F.broadcast(nights), on=NIGHT, how="inner")
    counts_on = F.when(F.col(date_column) == F.col(NIGHT), F.col("_night_after")).when(
        F.col(date_column) == F.col(NIGHT_BEFORE), F.col(NIGHT)
    )
    levels = [F.when(~F.col("_withdrawn"), F.col(name)).otherwise(F.lit(0)).alias(name) for name in values]
    return (
        dated.select(*key, *levels, first_version_wins().alias("_version"), counts_on.alias("_counts_on"))
        .where(F.col("_counts_on").isNotNull())
        .withColumnRenamed("_counts_on", NIGHT)
    )


def grouped(rows: DataFrame, key: Sequence[str]) -> GroupedData:
    """`rows` by `key`, for sums beside `min_by` of a version.

    Spark sorts for such sums, once before the exchange and once after it; with the exchange first it sorts once.
    """
    return rows.repartition(*key).groupBy(*key)
