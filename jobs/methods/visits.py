"""Visits: events of a device and app, split where nothing happened for longer than a gap."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

STREAM = ("device_id", "app_id", "_stream")


def milliseconds(time: Column) -> Column:
    """A timestamp as milliseconds since 1970."""
    return F.unix_millis(time)


def visit_hash(*parts: Column) -> Column:
    """32 hexadecimal digits that name a visit."""
    return F.substring(F.sha2(F.concat_ws("|", *parts), 256), 1, 32)


def number_visits(events: DataFrame, gap_minutes: int) -> DataFrame:
    """`events` plus `visit_id` and `_gap_ms`, the time since the event before (null for the first).

    A stream (`STREAM`) is cut where two events lie more than `gap_minutes` apart. A row with `_open_visit_id` stands
    for the end of a visit still open: events that follow it closely enough take its id. Ties go by event_id.
    """
    in_time = Window.partitionBy(*STREAM).orderBy("occurred_at", F.col("_open_visit_id").isNull(), "event_id")
    gap = milliseconds(F.col("occurred_at")) - milliseconds(F.lag("occurred_at").over(in_time))
    starts = F.col("_gap_ms").isNull() | (F.col("_gap_ms") > gap_minutes * 60_000)
    name = visit_hash(
        F.col("device_id"),
        F.col("app_id"),
        milliseconds(F.col("occurred_at")).cast("string"),
        F.col("_stream").cast("string"),
    )
    new_id = F.when(starts, F.coalesce(F.col("_open_visit_id"), name))
    so_far = in_time.rowsBetween(Window.unboundedPreceding, 0)
    numbered = events.withColumn("_gap_ms", gap).withColumn("_new_id", new_id)
    return numbered.withColumn("visit_id", F.last("_new_id", ignorenulls=True).over(so_far)).drop("_new_id")
