"""Nights of a silver table in tests: built one by one as the runner would, to compare with one pass over all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from brokerlake.catalog import contract_of
from tests.rows import PROJECT, rows

Build = Callable[[list[str], DataFrame, DataFrame], DataFrame]


def of_nights(frame: DataFrame, nights: Sequence[str]) -> DataFrame:
    """Rows delivered on these nights."""
    return frame.where(F.col("_delivered_on").isin([F.lit(night).cast("date") for night in nights]))


def written(table: str, frame: DataFrame) -> list[dict[str, Any]]:
    """The rows the runner would write, with the contract's columns."""
    kept = frame.where(F.col("_verdict").isin("kept", "derived"))
    names = [column.name for column in contract_of(PROJECT, table).columns]
    return [row.asDict() for row in kept.select(*names).collect()]


def verdicts(frame: DataFrame, key: str) -> dict[Any, tuple[str, str | None]]:
    """(verdict, rule) by line for a key column."""
    return {(row[key], row["_line"]): (row["_verdict"], row["_rule"]) for row in frame.collect()}


def one_by_one(spark: SparkSession, table: str, nights: Sequence[str], build: Build) -> list[dict[str, Any]]:
    """What night after night writes, each one given what the earlier ones wrote."""
    past: list[Mapping[str, Any]] = []
    for at, night in enumerate(nights):
        earlier = rows(spark, table, past)
        previous = of_nights(earlier, nights[at - 1 : at] if at else [])
        past.extend(written(table, build([night], earlier, previous)))
    return sorted_rows(past)


def at_once(spark: SparkSession, table: str, nights: Sequence[str], build: Build) -> list[dict[str, Any]]:
    """What one pass over all nights writes on an empty lake."""
    nothing = rows(spark, table)
    return sorted_rows(written(table, build(list(nights), nothing, nothing)))


def sorted_rows(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows in an order that does not depend on how they were made."""
    return sorted((dict(row) for row in found), key=lambda row: (str(row["_delivered_on"]), row["_line"]))
