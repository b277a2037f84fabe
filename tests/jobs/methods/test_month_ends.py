"""Month ends of a market open from Monday to Friday, December 2023 to 20 March 2024."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.methods.month_ends import month_number, recent_month_ends
from tests.jobs.silver.made_nights import weekday_calendar

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def found(spark: SparkSession) -> dict[date, Any]:
    calendar = weekday_calendar(spark, date(2023, 12, 1), date(2024, 3, 20))
    return {row["as_of_date"]: row for row in recent_month_ends(calendar, 2).collect()}


def told(row: Any) -> tuple[Any, ...]:
    return row["_month_days"], row["_months_ago"], [tuple(end) for end in row["_ends"]]


def test_recent_month_ends__within_a_month__the_months_before_it(found: dict[date, Any]) -> None:
    assert told(found[date(2024, 2, 28)]) == (20, 1, [(20, 23), (43, 21)])


def test_recent_month_ends__last_trading_day__the_month_itself_is_the_latest(found: dict[date, Any]) -> None:
    assert told(found[date(2024, 2, 29)]) == (21, 0, [(0, 21), (21, 23)])


def test_recent_month_ends__month_ends_on_a_weekend__its_last_trading_day_counts(spark: SparkSession) -> None:
    calendar = weekday_calendar(spark, date(2024, 3, 1), date(2024, 6, 30))
    found = {row["as_of_date"]: row for row in recent_month_ends(calendar, 1).collect()}
    assert told(found[date(2024, 3, 29)])[2] == [(0, 21)]  # a Friday; 30 and 31 March are no trading days
    assert told(found[date(2024, 6, 28)])[2] == [(0, 20)]


def test_recent_month_ends__calendar_begins_later__fewer_months(found: dict[date, Any]) -> None:
    assert told(found[date(2023, 12, 28)]) == (20, 1, [])
    assert told(found[date(2023, 12, 29)]) == (21, 0, [(0, 21)])


def test_recent_month_ends__calendar_stops_within_a_month__its_last_day_ends_nothing(found: dict[date, Any]) -> None:
    assert told(found[date(2024, 3, 20)]) == (14, 1, [(14, 21), (35, 23)])


def test_month_number__turn_of_the_year__counts_on(spark: SparkSession) -> None:
    days = spark.range(1).select(
        (month_number(F.lit(date(2024, 1, 1))) - month_number(F.lit(date(2023, 12, 31)))).alias("between")
    )
    assert days.first()["between"] == 1
