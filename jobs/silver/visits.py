"""silver.visits: one row per visit and night, holding the part of the visit that the night delivered.

Events of a night form visits by time and continue those open at the end of the night before, under the same visit_id.
Late events (a phone that was offline) form visits of their own, flagged late. Visits are never rewritten: an event
delivered again by a replaced extract is in its first visit already.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.methods.delivered_fields import is_late as may_have_come_before
from jobs.methods.visits import STREAM, number_visits

PAGE_KINDS = (
    "account",
    "login",
    "search",
    "banner",
    "watchlist",
    "product",
    "order",
    "transfer",
    "closing",
    "service",
    "community",
    "other",
)
EVENT_KEY = ["device_id", "event_id"]
EVENT_COLUMNS = [*EVENT_KEY, "app_id", "platform", "customer_no", "event", "page_kind", "occurred_at", "is_late"]


@dataclass(frozen=True)
class Params:
    """`gap_minutes`: a longer pause between two events ends a visit."""

    gap_minutes: int


def first_deliveries(events: DataFrame, earlier_events: DataFrame) -> DataFrame:
    """Events without withdrawals and without those an earlier night delivered already."""
    suspects = events.where(may_have_come_before())
    keys = F.broadcast(suspects.select(*EVENT_KEY).distinct())
    nights = [*EVENT_KEY, "_delivered_on"]
    known = events.select(*nights).unionByName(earlier_events.select(*nights)).join(keys, on=EVENT_KEY, how="left_semi")
    first = known.groupBy(*EVENT_KEY).agg(F.min("_delivered_on").alias("_first_night"))
    joined = events.where(~F.col("_withdrawn")).join(F.broadcast(first), on=EVENT_KEY, how="left")
    is_first = F.col("_first_night").isNull() | (F.col("_first_night") == F.col("_delivered_on"))
    return joined.where(is_first).select(*EVENT_COLUMNS, "_delivered_on")


def with_streams(events: DataFrame, previous: DataFrame) -> DataFrame:
    """Events by stream: on time ones in one through all nights, late ones in one a night; plus ends of open visits."""
    late_night = F.when(F.col("is_late"), F.col("_delivered_on"))
    rows = events.withColumns({"_stream": late_night, "_open_visit_id": F.lit(None).cast("string")})
    ends = previous.where(~F.col("is_late")).select(
        "device_id",
        "app_id",
        "platform",
        "customer_no",
        F.col("ended_at").alias("occurred_at"),
        F.col("visit_id").alias("_open_visit_id"),
        F.lit(False).alias("is_late"),
        "_delivered_on",
    )
    return rows.unionByName(ends, allowMissingColumns=True)


def sum_parts(numbered: DataFrame) -> DataFrame:
    """One row per visit and night; rows that stand for the end of an open visit are parts without events."""
    is_event = F.col("_open_visit_id").isNull()
    at = F.struct("occurred_at", "event_id")
    by = [*STREAM, "visit_id", "_delivered_on"]
    return numbered.groupBy(*by).agg(
        F.min("occurred_at").alias("started_at"),
        F.max("occurred_at").alias("ended_at"),
        F.count_if(is_event).alias("event_count"),
        *[F.count_if(F.col("page_kind") == kind).alias(f"{kind}_event_count") for kind in PAGE_KINDS],
        F.max_by("platform", at).alias("platform"),
        F.max_by("customer_no", F.when(F.col("customer_no").isNotNull(), at)).alias("_customer_in_part"),
        F.min_by("event", at).alias("first_event"),
        F.max_by("event", at).alias("last_event"),
        F.max("is_late").alias("is_late"),
    )


def build(*, events: DataFrame, earlier_events: DataFrame, previous: DataFrame, params: Params) -> DataFrame:
    """The visits of each night of the run."""
    rows = with_streams(first_deliveries(events, earlier_events), previous)
    parts = sum_parts(number_visits(rows, params.gap_minutes))
    by_night = Window.partitionBy(*STREAM, "visit_id").orderBy("_delivered_on")
    before = F.lag("ended_at").over(by_night)
    customer = F.last("_customer_in_part", ignorenulls=True).over(by_night.rowsBetween(Window.unboundedPreceding, 0))
    first_moment = F.coalesce(F.col("_ended_before"), F.col("started_at"))
    return (
        parts.withColumns({"_ended_before": before, "customer_no": customer})
        .withColumn("duration_ms", F.unix_millis("ended_at") - F.unix_millis(first_moment))
        .withColumn("is_continued", F.col("_ended_before").isNotNull())
        .where(F.col("event_count") > 0)
    )
