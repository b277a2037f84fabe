"""Facts to additive changes of a party's days: what a night makes known less what was known the night before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.methods import folds
from jobs.methods.corrections import EFFECT, changes_of_night
from jobs.methods.windows import to_money, to_units

PARTY_DAY = ("party_kind", "party_id", "effective_date", "_delivered_on")
"""Key of a change: whose day, and the night that made it known."""
_VERSION = ("_business_date", "_sequence", "_withdrawn", "_delivered_on")


@dataclass(frozen=True)
class Fact:
    """How rows of one fact table become changes of party days.

    Attributes:
        key: business key of the fact.
        effective: its date column.
        measures: what a row adds, by measure.
        party_kind, party_id: whose day it is; a row without a party counts for nobody.
        order: column that ranks versions before business date and sequence.
        counts: false for versions that count for nothing, such as busted trades.
    """

    key: Sequence[str]
    effective: str
    measures: Mapping[str, Column]
    party_kind: Column
    party_id: Column
    order: str = ""
    counts: Column | None = None


def customer() -> tuple[Column, Column]:
    """Party of a fact that knows its customer."""
    return F.lit("customer"), F.col("customer_no")


def customer_or_device() -> tuple[Column, Column]:
    """Party of an event or visit: the customer logged in, else the device."""
    kind = F.when(F.col("customer_no").isNotNull(), F.lit("customer")).otherwise(F.lit("device"))
    return kind, F.coalesce("customer_no", "device_id")


def _is_money(measure: str) -> bool:
    return measure.endswith("_amount")


def _place(at: int) -> str:
    """Column of measure number `at` of whichever fact a row is of: a row has some twenty of these, not all seventy."""
    return f"_measure_{at}"


def _values(fact: Fact) -> list[Column]:
    """What a row adds to each measure of its fact, by place; money in ten-thousandths of a yuan."""
    return [
        (to_units(value) if _is_money(name) else value.cast("bigint")).alias(_place(at))
        for at, (name, value) in enumerate(fact.measures.items())
    ]


def _party_day(fact: Fact) -> list[Column]:
    return [
        fact.party_kind.alias("party_kind"),
        fact.party_id.alias("party_id"),
        F.col(fact.effective).alias("effective_date"),
    ]


def _shaped(name: str, rows: DataFrame, fact: Fact) -> DataFrame:
    key = F.concat_ws("\x1f", *[F.col(column).cast("string") for column in fact.key])
    order = F.col(fact.order) if fact.order else F.lit(0)
    counts = F.lit(True) if fact.counts is None else fact.counts
    return rows.select(
        F.lit(name).alias("_fact"),
        key.alias("_key"),
        order.cast("bigint").alias("_order"),
        counts.alias("_counts"),
        *_VERSION,
        *_party_day(fact),
        *_values(fact),
    )


def _places(facts: Mapping[str, Fact]) -> list[str]:
    return [_place(at) for at in range(max(len(fact.measures) for fact in facts.values()))]


def party_day_changes(facts: Mapping[str, Fact], delivered: Mapping[str, tuple[DataFrame, DataFrame]]) -> DataFrame:
    """One row per row of a night that is new, corrected or withdrawn: party day, `_fact`, `_effect` (+1, -1), measures.

    `delivered` holds per fact the rows of the run and those of earlier partitions, which only the keys of corrected
    rows touch. All facts go through together: corrections are looked for once.
    """
    rows, earlier = [
        folds.union_by_name([_shaped(name, delivered[name][at], fact) for name, fact in facts.items()]).where(
            F.col("party_id").isNotNull()
        )
        for at in (0, 1)
    ]
    changed = changes_of_night(rows, earlier, key=["_fact", "_key"], order=["_order"], counts=F.col("_counts"))
    return changed.select(*PARTY_DAY, "_fact", EFFECT, *_places(facts))


def plain_party_days(name: str, rows: DataFrame, fact: Fact) -> DataFrame:
    """The same for rows of the fact `name` that are never corrected."""
    of_fact = [F.lit(name).alias("_fact"), F.lit(1).alias(EFFECT)]
    found = rows.select(*_party_day(fact), "_delivered_on", *of_fact, *_values(fact))
    return found.where(F.col("party_id").isNotNull())


def sum_by_party_day(changes: Sequence[DataFrame], facts: Mapping[str, Fact]) -> DataFrame:
    """One row per party, effective date and night: every measure of `facts` by its effect; 0 where there is nothing.

    The rows of a fact are added up in their few columns; only these sums are spread over all measures.
    """
    together = folds.union_by_name(changes).repartition(*PARTY_DAY)
    by_fact = together.groupBy(*PARTY_DAY, "_fact").agg(
        *[F.sum(F.col(place) * F.col(EFFECT)).alias(place) for place in _places(facts)]
    )

    def total(fact: str, at: int, measure: str) -> Column:
        units = F.coalesce(F.sum(F.when(F.col("_fact") == fact, F.col(_place(at)))), F.lit(0))
        return (to_money(units) if _is_money(measure) else units).alias(measure)

    measures = [total(name, at, measure) for name, fact in facts.items() for at, measure in enumerate(fact.measures)]
    return by_fact.groupBy(*PARTY_DAY).agg(*measures)
