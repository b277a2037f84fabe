"""Nights for tests of tables that make rows of silver rows: a weekday calendar, and building night by night."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from brokerlake.catalog import contract_of
from tests.rows import PROJECT, rows

FIRST, LAST = date(2024, 1, 1), date(2024, 4, 30)
Build = Callable[[Sequence[date], DataFrame], DataFrame]


def weekday_calendar(spark: SparkSession, first: date = FIRST, last: date = LAST) -> DataFrame:
    """silver.calendar of a market open from Monday to Friday."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    open_days = [day for day in days if day.weekday() < 5]
    found = []
    for day in days:
        before = [other for other in open_days if other < day]
        after = [other for other in open_days if other >= day]
        found.append(
            {
                "calendar": "XSHG",
                "natural_date": day,
                "is_trading_day": day in open_days,
                "trading_day_number": len([other for other in open_days if other <= day]),
                "night_date": after[0] if after else None,
                "previous_trading_date": before[-1] if before else None,
            }
        )
    return rows(spark, "silver.calendar", found)


def back_from(as_of: date, trading_days: int) -> date:
    """The weekday that many trading days before `as_of`."""
    day = as_of
    while trading_days:
        day -= timedelta(days=1)
        trading_days -= day.weekday() < 5
    return day


def of_nights(frame: DataFrame, nights: Sequence[date]) -> DataFrame:
    """Rows delivered on these nights."""
    return frame.where(F.col("_delivered_on").isin(list(nights)))


def before(frame: DataFrame, night: date) -> DataFrame:
    """Rows delivered before this night."""
    return frame.where(F.col("_delivered_on") < F.lit(night))


def contract_rows(table: str, frame: DataFrame) -> list[dict[str, Any]]:
    """What the runner would write: the contract's columns, in their types; rejected rows and duplicates left out."""
    contract = contract_of(PROJECT, table)
    if "_verdict" in frame.columns:
        frame = frame.where(F.col("_verdict").isin("kept", "derived"))
    selected = frame.select(*[column.name for column in contract.columns])
    found = {name: type_.replace(" ", "") for name, type_ in selected.dtypes}
    assert found == {column.name: column.type for column in contract.columns}
    return [row.asDict(recursive=True) for row in selected.collect()]


def in_order(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in an order that does not depend on how they were made."""
    return sorted(found, key=lambda row: [str(value) for value in row.values()])


def night_by_night(
    spark: SparkSession, table: str, nights: Sequence[date], build: Build, history: Sequence[date] = ()
) -> list[dict[str, Any]]:
    """What night after night writes; `build` gets the night and all that the nights before wrote.

    `history` is loaded first, as one range.
    """
    past: list[dict[str, Any]] = []
    for some in [list(history)] * bool(history) + [[night] for night in nights]:
        past += contract_rows(table, build(some, rows(spark, table, past)))
    return in_order(past)


def at_once(spark: SparkSession, table: str, nights: Sequence[date], build: Build) -> list[dict[str, Any]]:
    """What one pass over all nights writes."""
    return in_order(contract_rows(table, build(nights, rows(spark, table))))
