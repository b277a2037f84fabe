"""silver.events: one row per event (device_id, event_id) that follows the tracking plan.

An event is made once, by its device, so copies sent again are duplicates whatever night brings them; only a replaced
extract (a higher sequence for a past date) is a further version. Partitioning by device is what dedupe needs, as an
event never changes its device: one exchange.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.methods import tracking_plan as rules
from jobs.methods.delivered_fields import TECHNICAL
from jobs.methods.source_types import is_filled, local_date, not_cast, to_text, to_utc
from jobs.methods.verdicts import DUPLICATE, KEPT, Rule, judge

KEY = ["device_id", "event_id"]
TEXTS = {
    "event_id": "event_id",
    "device_id": "distinct_id",
    "customer_no": "login_id",
    "event": "event",
    "app_id": "app_id",
    "platform": "platform",
    "app_version": "app_version",
    "region": "region",
    "ip": "ip",
}
PROPERTY_COLUMNS = {
    "duration_ms": "bigint",
    "feature_id": "string",
    "slot_id": "string",
    "position": "bigint",
    "content_id": "string",
    "strategy_id": "string",
    "recommendation_id": "string",
    "product_id": "string",
    "keyword": "string",
    "journey_id": "string",
}
"""Properties with a column of their own; others of the plan stand in other_properties."""


@dataclass(frozen=True)
class Params:
    """`time_zone`: the market's, for event_date and for times without an offset."""

    time_zone: str


def read_events(events: DataFrame, plan: rules.TrackingPlan, time_zone: str) -> DataFrame:
    """Delivered rows with typed columns, the text of each property of the plan and what it says of the event."""
    texts = [to_text(source).alias(name) for name, source in TEXTS.items()]
    times = [to_utc(name, time_zone).alias(name) for name in ("occurred_at", "received_at")]
    delivered = [F.col(name).alias(f"_text_{name}") for name in ("occurred_at", "received_at", "properties")]
    parsed = rules.parse(F.col("properties")).alias(rules.PROPERTIES)
    read = events.select(*texts, *times, *delivered, parsed, *TECHNICAL)
    return read.withColumns(
        {
            **rules.look_up(plan, F.col("event")),
            "page_kind": rules.page_kind(plan, F.col("event")),
            "event_date": local_date("occurred_at", time_zone),
        }
    )


def add_properties(rows: DataFrame, plan: rules.TrackingPlan) -> DataFrame:
    """`rows` plus a typed column per property, `_wrong_type`, dropped and cast names and other_properties."""
    values = {name: rules.typed(rule) for name, rule in plan.properties.items()}
    absent = {name: F.lit(None).cast(type_) for name, type_ in PROPERTY_COLUMNS.items() if name not in values}
    columns = {name: values[name].cast(PROPERTY_COLUMNS[name]) for name in PROPERTY_COLUMNS if name in values}
    others = sorted(set(values) - set(PROPERTY_COLUMNS))
    other = (
        F.to_json(F.struct(*[values[name].alias(name) for name in others])) if others else F.lit(None).cast("string")
    )
    return rows.withColumns(
        {
            **columns,
            **absent,
            "other_properties": F.nullif(other, F.lit("{}")),
            "dropped_properties": rules.dropped_properties(plan, F.col("event")),
            "cast_properties": rules.cast_properties(plan, F.col("_text_properties"), values),
            "_wrong_type": rules.has_wrong_type(plan, values),
        }
    )


def reading_rules(plan: rules.TrackingPlan) -> list[Rule]:
    """What rejects an event, most telling first."""
    return [
        Rule("event_id_missing", F.col("event_id").isNull()),
        Rule("device_id_missing", F.col("device_id").isNull()),
        Rule("unknown_event", F.col("page_kind").isNull()),
        Rule("properties_not_an_object", F.col(rules.PROPERTIES).isNull()),
        Rule("occurred_at_missing", ~is_filled("_text_occurred_at")),
        Rule("occurred_at_not_a_time", not_cast("_text_occurred_at", F.col("occurred_at"))),
        Rule("received_at_not_a_time", not_cast("_text_received_at", F.col("received_at"))),
        Rule("occurred_after_delivery", F.col("event_date") > F.col("_delivered_on")),
        Rule("required_property_missing", rules.lacks_required(plan, F.col("event"))),
        Rule("property_of_wrong_type", F.col("_wrong_type")),
        Rule("property_not_in_enum", rules.breaks_enum(plan)),
    ]


def add_is_late(rows: DataFrame, calendar: DataFrame) -> DataFrame:
    """`rows` plus is_late: the event's date lies before the natural days of its night (a weekend is the Monday's)."""
    nights = calendar.select(
        F.col("natural_date").alias("_delivered_on"), F.col("previous_trading_date").alias("_night_before")
    )
    joined = rows.join(F.broadcast(nights), on="_delivered_on", how="left")
    late = F.coalesce(F.col("event_date") <= F.col("_night_before"), F.lit(False))
    return joined.withColumn("is_late", late).drop("_night_before")


def drop_helpers(judged: DataFrame) -> DataFrame:
    """Judged rows without the columns that only the rules read: they need not travel."""
    helpers = [name for name in judged.columns if name.startswith(("_text_", rules.VALUE_OF))]
    return judged.drop(*helpers, rules.PROPERTIES, "_wrong_type")


def replaces_a_delivery() -> Column:
    """True for a row of a higher sequence, or a withdrawal, for a date whose night is over: a version, no copy."""
    return (F.col("_business_date") < F.col("_delivered_on")) & ((F.col("_sequence") > 1) | F.col("_withdrawn"))


def mark_copies(rows: DataFrame, earlier: DataFrame, late_keys: DataFrame) -> DataFrame:
    """Judged rows with copies of an event marked duplicate; the first delivery is kept.

    Only events that are late can have been delivered by an earlier night; only they, `late_keys`, are looked up.
    """
    taking_part = (F.col("_verdict") == KEPT) & ~replaces_a_delivery()
    by_event = Window.partitionBy(*KEY, taking_part).orderBy("_delivered_on", "_file", "_line")
    delivered = earlier.select(*KEY).join(F.broadcast(late_keys), on=KEY, how="left_semi").distinct()
    before = delivered.withColumn("_before", F.lit(True))
    marked = rows.withColumn("_place", F.row_number().over(by_event)).join(F.broadcast(before), on=KEY, how="left")
    copy = taking_part & ((F.col("_place") > 1) | F.col("_before").isNotNull())
    return marked.withColumns(
        {
            "_rule": F.when(copy, F.lit("event_delivered_before")).otherwise(F.col("_rule")),
            "_verdict": F.when(copy, F.lit(DUPLICATE)).otherwise(F.col("_verdict")),
        }
    )


def build(
    *,
    events: DataFrame,
    earlier: DataFrame,
    tracking_plan: Mapping[str, Any],
    calendar: DataFrame,
    params: Params,
) -> DataFrame:
    """Every delivered event with its verdict, for the nights of the run."""
    plan = rules.read_plan(tracking_plan)
    read = add_is_late(read_events(events, plan, params.time_zone), calendar)
    # Taken before the properties are judged, so that the optimiser leaves the parse out of this second look.
    late_keys = read.where(F.col("is_late") & ~replaces_a_delivery()).select(*KEY)
    judged = drop_helpers(judge(add_properties(read, plan), reading_rules(plan)))
    return mark_copies(judged.repartition(F.col("device_id")), earlier, late_keys)
