"""Cases that every table of plain delivered facts must pass: bad rows, and the same row again, late and corrected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from tests.jobs.silver.nights import at_once, of_nights, one_by_one
from tests.rows import rows

NIGHTS = ["2024-03-04", "2024-03-05"]
Deliver = Callable[..., DataFrame]
"""Rows of the feed: a good one with each of the changes given after the session."""
BuildRows = Callable[..., DataFrame]
"""The table's rows of a feed, and of the rows of earlier nights when given, after the session."""


def check_bad_rows(
    spark: SparkSession, delivered: Deliver, build_rows: BuildRows, key: str, bad: Mapping[str, Mapping[str, Any]]
) -> None:
    """Each row of `bad` is rejected by the rule it stands under; `key` keeps the rows apart."""
    changes = [{key: f"x{at}", **change} for at, change in enumerate(bad.values())]
    found = build_rows(spark, delivered(spark, *changes)).orderBy("_line").collect()
    assert [row["_rule"] for row in found] == list(bad)
    assert {row["_verdict"] for row in found} == {"rejected"}


def check_repeats(
    spark: SparkSession, table: str, delivered: Deliver, build_rows: BuildRows, corrected: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What two nights write of one row that comes again, contradicted and `corrected`, one by one as in one pass."""
    late = {"_delivered_on": NIGHTS[1]}
    feed = delivered(
        spark,
        {"_row_hash": 1},
        {"_row_hash": 1},  # the same again in the same file
        {"_row_hash": 1, **late},  # and the night after
        {"_row_hash": 2, **late},  # the same version, other content
        {"_row_hash": 3, "_sequence": 2, **late, **corrected},
    )

    def build_nights(run: list[str], earlier: DataFrame, previous: DataFrame) -> DataFrame:
        return build_rows(spark, of_nights(feed, run), earlier)

    written = one_by_one(spark, table, NIGHTS, build_nights)
    assert written == at_once(spark, table, NIGHTS, build_nights)
    verdicts = [row["_verdict"] for row in build_rows(spark, feed, rows(spark, table)).orderBy("_line").collect()]
    assert verdicts == ["kept", "duplicate", "duplicate", "rejected", "kept"]
    return written
