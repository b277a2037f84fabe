"""Verdicts on delivered rows: kept, rejected, duplicate, unchanged or derived, with the rule that said so.

A silver `build()` fed by bronze returns every row it got with `_verdict` and `_rule`; the runner writes the kept
and derived ones, files the rejected and duplicate ones, and counts all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

KEPT = "kept"
REJECTED = "rejected"
DUPLICATE = "duplicate"
UNCHANGED = "unchanged"
DERIVED = "derived"


@dataclass(frozen=True)
class Rule:
    """A named condition that rejects a row.

    Attributes:
        name: what is wrong, in snake case, e.g. `quantity_not_a_number`.
        broken: true for a row to reject; null counts as not broken.
    """

    name: str
    broken: Column


def judge(rows: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """`rows` plus `_verdict` and `_rule`: rejected by the first broken rule, else kept."""
    first = F.coalesce(*[F.when(rule.broken, F.lit(rule.name)) for rule in rules], F.lit(None).cast("string"))
    return rows.withColumn("_rule", first).withColumn(
        "_verdict", F.when(F.col("_rule").isNull(), F.lit(KEPT)).otherwise(F.lit(REJECTED))
    )


def mark_repeats(
    rows: DataFrame, *, key: Sequence[str], version: Sequence[str] = (), earlier: DataFrame | None = None,
    is_late: Column | None = None,
) -> DataFrame:
    """Judged rows with repeats of a (key, version) marked: same content is a duplicate, other content is rejected.

    The earliest delivery is kept. `version` is the feed's revision, if any; business date and sequence always
    belong to a version. Only kept rows take part. Rows for which `is_late` holds are compared with `earlier`
    (the table's partitions before the run) too; on time rows can have no earlier twin.
    """
    identity = [*key, *version, "_business_date", "_sequence"]
    order = [F.col("_delivered_on"), F.col("_file"), F.col("_line")]
    taking_part = F.col("_verdict") == KEPT
    window = Window.partitionBy(*identity, taking_part).orderBy(*order)
    marked = rows.withColumn("_place", F.row_number().over(window)).withColumn(
        "_first_hash", F.first("_row_hash").over(window)
    )
    repeated = taking_part & (F.col("_place") > 1)
    same = F.col("_row_hash") == F.col("_first_hash")
    if earlier is not None and is_late is not None:
        late_keys = rows.where(taking_part & is_late).select(*identity).distinct()
        before = (
            earlier.join(F.broadcast(late_keys), on=identity, how="left_semi")
            .groupBy(*identity)
            .agg(F.min_by("_row_hash", "_delivered_on").alias("_earlier_hash"))
        )
        marked = marked.join(F.broadcast(before), on=identity, how="left")
        repeated = repeated | (taking_part & F.col("_earlier_hash").isNotNull())
        same = F.col("_row_hash") == F.coalesce(F.col("_earlier_hash"), F.col("_first_hash"))
    rule = F.when(same, F.lit("same_key_and_content")).otherwise(F.lit("same_version_other_content"))
    verdict = F.when(same, F.lit(DUPLICATE)).otherwise(F.lit(REJECTED))
    return (
        marked.withColumn("_rule", F.when(repeated, rule).otherwise(F.col("_rule")))
        .withColumn("_verdict", F.when(repeated, verdict).otherwise(F.col("_verdict")))
        .drop("_place", "_first_hash", "_earlier_hash")
    )
