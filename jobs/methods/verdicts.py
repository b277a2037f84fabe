"""Verdicts on delivered rows: kept, rejected, duplicate, unchanged or derived, with the rule that said so.

A silver `build()` fed by bronze returns every row it got with `_verdict` and `_rule`; the runner writes the
kept and derived ones, files the rejected and duplicate ones, and counts all of them.
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
    no_rule = F.lit(None).cast("string")
    first = F.coalesce(*[F.when(rule.broken, F.lit(rule.name)) for rule in rules], no_rule)
    return rows.withColumn("_rule", first).withColumn(
        "_verdict", F.when(F.col("_rule").isNull(), F.lit(KEPT)).otherwise(F.lit(REJECTED))
    )


def mark_repeats(
    rows: DataFrame,
    *,
    key: Sequence[str],
    version: Sequence[str] = (),
    earlier: DataFrame | None = None,
    is_late: Column | None = None,
) -> DataFrame:
    """Judged rows with repeats of a (key, version) marked: same content is a duplicate, other is rejected.

    The earliest delivery is kept, also among the nights of one run. `version` is the feed's revision, if any;
    business date and sequence always belong to a version. Only kept rows take part. Rows for which `is_late` holds
    (by default: business date before the night that took them) are compared with `earlier` too, the table's
    partitions before the run; a row on time has no earlier twin, so a run without late rows never reads `earlier`.
    """
    identity = [*key, *version, "_business_date", "_sequence"]
    # A column of its own: as an expression each window function would bring an exchange and a sort.
    compared = rows.withColumns({"_is_earlier": F.lit(False), "_takes_part": F.col("_verdict") == KEPT})
    if earlier is not None:
        twins = _earlier_twins(rows, earlier, identity, _is_late() if is_late is None else is_late)
        compared = compared.unionByName(twins, allowMissingColumns=True)
    window = Window.partitionBy(*identity, "_takes_part").orderBy("_delivered_on", "_file", "_line")
    places = {"_first_hash": F.first("_row_hash").over(window), "_at": F.row_number().over(window)}
    placed = compared.withColumns(places).where(~F.col("_is_earlier"))
    repeats, same = F.col("_takes_part") & (F.col("_at") > 1), F.col("_row_hash") == F.col("_first_hash")
    verdict = F.when(same, F.lit(DUPLICATE)).otherwise(F.lit(REJECTED))
    rule = F.when(same, F.lit("same_key_and_content")).otherwise(F.lit("same_version_other_content"))
    found = {"_verdict": verdict, "_rule": rule}
    marked = {name: F.when(repeats, value).otherwise(F.col(name)) for name, value in found.items()}
    return placed.select(*[marked.get(name, F.col(name)).alias(name) for name in rows.columns])


def _is_late() -> Column:
    return F.col("_business_date") < F.col("_delivered_on")


def _earlier_twins(rows: DataFrame, earlier: DataFrame, identity: Sequence[str], is_late: Column) -> DataFrame:
    """Rows of `earlier` that may share their identity with a late kept row, marked `_is_earlier`.

    They are found by a hash of the identity, which keeps the broadcast side small; a collision only lets a row
    through that the window then leaves alone. With no late rows the broadcast is empty and nothing is scanned.
    """
    late = rows.where(is_late & (F.col("_verdict") == KEPT)).select(F.xxhash64(*identity).alias("_identity_hash"))
    typed = {name: F.col(name).cast(rows.schema[name].dataType) for name in identity}
    rest = [name for name in ("_row_hash", "_delivered_on", "_file", "_line") if name not in identity]
    twins = earlier.select(
        *[value.alias(name) for name, value in typed.items()],
        *rest,
        F.xxhash64(*typed.values()).alias("_identity_hash"),
        F.lit(KEPT).alias("_verdict"),
        F.lit(True).alias("_is_earlier"),
        F.lit(True).alias("_takes_part"),
    )
    return twins.join(F.broadcast(late), "_identity_hash", "left_semi").drop("_identity_hash")
