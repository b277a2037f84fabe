"""silver.tracking_plan_results: one row per event, property and night: seen, present, dropped and cast.

Made from kept events; the empty property stands for the event itself. Counts are additive over nights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.methods.tracking_plan import TrackingPlan, read_plan

NIGHT = ["event", "_delivered_on"]


@dataclass(frozen=True)
class Params:
    """No values: the plan says it all."""


def has_value(name: str, columns: list[str]) -> Column:
    """True where the event has the property, in its own column or in other_properties."""
    if name in columns:
        return F.col(name).isNotNull()
    return F.get_json_object("other_properties", f"$.{name}").isNotNull()


def count_per_night(events: DataFrame, plan: TrackingPlan) -> DataFrame:
    """One row per event and night: seen and late events, and per property of the plan those with a value."""
    present = [F.count_if(has_value(name, events.columns)).alias(f"_has_{name}") for name in sorted(plan.properties)]
    return events.groupBy(*NIGHT).agg(
        F.count("*").alias("seen_count"), F.count_if("is_late").alias("late_count"), *present
    )


def planned_rows(nights: DataFrame, plan: TrackingPlan) -> DataFrame:
    """One row per event, planned property (and the event itself) and night."""
    present = F.create_map(
        F.lit(""),
        F.col("seen_count"),
        *[part for n in sorted(plan.properties) for part in (F.lit(n), F.col(f"_has_{n}"))],
    )
    names = F.lit(None).cast("array<string>")
    for event, allowed in plan.allowed.items():
        listed = F.array(F.lit(""), *[F.lit(name) for name in allowed])
        names = F.when(F.col("event") == event, listed).otherwise(names)
    rows = nights.withColumn("_present", present).withColumn("property", F.explode(names))
    return rows.select(
        *NIGHT,
        "property",
        F.lit(True).alias("_planned"),
        F.element_at("_present", F.col("property")).alias("present_count"),
    )


def count_names(events: DataFrame, column: str, name: str) -> DataFrame:
    """One row per event, property and night: how often the property stands in the list `column`."""
    named = events.select(*NIGHT, F.explode(column).alias("property"))
    return named.groupBy(*NIGHT, "property").agg(F.count("*").alias(name))


def build(*, events: DataFrame, tracking_plan: Mapping[str, Any], params: Params) -> DataFrame:
    """The counts of each night of the run."""
    plan = read_plan(tracking_plan)
    kept = events.where(~F.col("_withdrawn"))
    nights = count_per_night(kept, plan)
    key = [*NIGHT, "property"]
    rows = planned_rows(nights, plan)
    rows = rows.join(count_names(kept, "dropped_properties", "dropped_count"), on=key, how="full_outer")
    rows = rows.join(count_names(kept, "cast_properties", "cast_count"), on=key, how="left")
    rows = rows.join(nights.select(*NIGHT, "seen_count", "late_count"), on=NIGHT, how="inner")
    counts = ["present_count", "dropped_count", "cast_count"]
    zeros = {name: F.coalesce(F.col(name), F.lit(0)).cast("bigint") for name in counts}
    return rows.withColumns({**zeros, "is_planned": F.col("_planned").isNotNull()})
