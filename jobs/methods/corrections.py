"""What a night changed in a table of facts: new rows count once, corrected ones take their former version back."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.methods.delivered_fields import is_late

EFFECT = "_effect"


def _with_versions(rows: DataFrame, key: Sequence[str], order: Sequence[str]) -> DataFrame:
    """Rows that were the latest version when they came, with the next such row's night and whether it is of the run.

    A version that arrives after a later one changes nothing and is left out.
    """
    version = F.struct(*order, "_business_date", "_sequence")
    arrival = Window.partitionBy(*key).orderBy("_delivered_on", version)
    before = F.max(version).over(arrival.rowsBetween(Window.unboundedPreceding, -1))
    latest = rows.withColumn("_best", before).where(F.col("_best").isNull() | (version > F.col("_best")))
    return latest.withColumns(
        {"_replaced_on": F.lead("_delivered_on").over(arrival), "_replaced_in_run": F.lead("_in_run").over(arrival)}
    )


def _as_effects(versions: DataFrame, columns: Sequence[str]) -> DataFrame:
    """`columns` of one row with +1 where the run made a version known, one with -1 where the run replaced it."""
    made_known = F.when(F.col("_in_run"), F.struct(F.lit(1).alias("sign"), F.col("_delivered_on").alias("night")))
    taken_back = F.when(
        F.col("_replaced_in_run"), F.struct(F.lit(-1).alias("sign"), F.col("_replaced_on").alias("night"))
    )
    exploded = versions.withColumn("_each", F.explode(F.array_compact(F.array(made_known, taken_back))))
    found = {EFFECT: F.col("_each.sign"), "_delivered_on": F.col("_each.night")}
    return exploded.select(*[found.get(name, F.col(name)).alias(name) for name in columns])


def changes_of_night(
    rows: DataFrame, earlier: DataFrame, *, key: Sequence[str], order: Sequence[str] = (), counts: Column | None = None
) -> DataFrame:
    """`rows` of the run plus, per correction, the version it replaced.

    `_effect` is +1 or -1, `_delivered_on` the night; sums of value x `_effect` per night are what that night
    changed. `earlier` holds the partitions before the run and is touched by the few corrected keys alone. `order`
    are the columns that rank versions before business date and sequence; rows withdrawn or for which `counts` is
    false have no effect of their own.
    """
    columns = [*rows.columns, EFFECT]
    is_correction = is_late()
    for column in order:
        is_correction = is_correction | (F.col(column) > 0)
    corrected = F.broadcast(rows.where(is_correction).select(*key))
    plain = rows.join(corrected, on=list(key), how="left_anti").withColumn(EFFECT, F.lit(1))
    touched = (
        rows.withColumn("_in_run", F.lit(True))
        .unionByName(earlier.select(*rows.columns, F.lit(False).alias("_in_run")))
        .join(corrected, on=list(key), how="left_semi")
    )
    effects = _as_effects(_with_versions(touched, key, order), columns)
    live = ~F.col("_withdrawn") if counts is None else ~F.col("_withdrawn") & counts
    return plain.select(*columns).unionByName(effects).where(live)
