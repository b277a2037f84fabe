"""Facts to additive changes of a party's days: what a night makes known less what was known the night before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.methods.corrections import EFFECT, changes_of_night

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
        order: columns that rank versions before business date and sequence.
        counts: false for versions that count for nothing, such as busted trades.
    """

    key: Sequence[str]
    effective: str
    measures: Mapping[str, Column]
    party_kind: Column
    party_id: Column
    order: Sequence[str] = ()
    counts: Column | None = None


def customer() -> tuple[Column, Column]:
    """Party of a fact that knows its customer."""
    return F.lit("customer"), F.col("customer_no")


def customer_or_device() -> tuple[Column, Column]:
    """Party of an event or visit: the customer logged in, else the device."""
    kind = F.when(F.col("customer_no").isNotNull(), F.lit("customer")).otherwise(F.lit("device"))
    return kind, F.coalesce("customer_no", "device_id")


def sum_by_party_day(rows: DataFrame, measures: Sequence[str]) -> DataFrame:
    """One row per party, effective date and night: sums of `measures` in their own type; null counts as 0."""
    types = dict(rows.dtypes)
    sums = [F.coalesce(F.sum(name), F.lit(0)).cast(types[name]).alias(name) for name in measures]
    return rows.groupBy(*PARTY_DAY).agg(*sums)


def _shaped(rows: DataFrame, fact: Fact) -> DataFrame:
    counts = F.lit(True) if fact.counts is None else fact.counts
    named = {"party_kind": fact.party_kind, "party_id": fact.party_id, "effective_date": F.col(fact.effective)}
    values = {f"_measure_{name}": column for name, column in fact.measures.items()}
    keys = [F.col(name).alias(f"_key_{name}") for name in (*fact.key, *fact.order)]
    columns = [column.alias(name) for name, column in {**named, **values, "_counts": counts}.items()]
    return rows.select(*keys, *columns, *_VERSION)


def party_day_changes(rows: DataFrame, earlier: DataFrame, fact: Fact) -> DataFrame:
    """One row per party, effective date and night with the sums a night's new, corrected and withdrawn rows change.

    `earlier` (partitions before the run) is touched by the keys of corrected rows alone.
    """
    changed = changes_of_night(
        _shaped(rows, fact),
        _shaped(earlier, fact),
        key=[f"_key_{name}" for name in fact.key],
        order=[f"_key_{name}" for name in fact.order],
        counts=F.col("_counts"),
    ).where(F.col("party_id").isNotNull())
    signed = [
        F.when(F.col(EFFECT) < 0, -F.col(f"_measure_{name}"))
        .otherwise(F.col(f"_measure_{name}"))
        .cast(dict(changed.dtypes)[f"_measure_{name}"])
        .alias(name)
        for name in fact.measures
    ]
    return sum_by_party_day(changed.select(*PARTY_DAY, *signed), list(fact.measures))


def plain_party_days(rows: DataFrame, fact: Fact) -> DataFrame:
    """The same for rows that are never corrected."""
    columns = {"party_kind": fact.party_kind, "party_id": fact.party_id, "effective_date": F.col(fact.effective)}
    shaped = rows.select(
        *[column.alias(name) for name, column in {**columns, **fact.measures}.items()], "_delivered_on"
    )
    return sum_by_party_day(shaped.where(F.col("party_id").isNotNull()), list(fact.measures))
