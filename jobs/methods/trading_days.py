"""Trading-day arithmetic on columns: the number of the night a natural date belongs to.

A natural date belongs to the night of the first trading day on or after it, so a weekend counts for the Monday.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def night_numbers(calendar: DataFrame) -> DataFrame:
    """One row per natural date: `_date` and `_number`, the trading-day number of the night it belongs to."""
    number = F.col("trading_day_number") + F.when(F.col("is_trading_day"), F.lit(0)).otherwise(F.lit(1))
    return calendar.select(F.col("natural_date").alias("_date"), number.cast("int").alias("_number"))


def add_night_number(rows: DataFrame, calendar: DataFrame, date_column: str, name: str) -> DataFrame:
    """`rows` plus `name`: the night number of `date_column`, null for dates the calendar does not know."""
    numbers = night_numbers(calendar).select(F.col("_date").alias(date_column), F.col("_number").alias(name))
    return rows.join(F.broadcast(numbers), on=date_column, how="left")


def nights(calendar: DataFrame) -> DataFrame:
    """One row per trading day: `night_number` and its date `night`."""
    return calendar.where("is_trading_day").select(
        F.col("trading_day_number").cast("int").alias("night_number"), F.col("natural_date").alias("night")
    )
