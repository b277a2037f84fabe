"""Month ends on the trading calendar: a month ends with its last trading day."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F


def month_number(day: Column) -> Column:
    """Months counted through the years, so that the difference of two is the months between them."""
    return (F.year(day) * 12 + F.month(day)).cast("int")


def list_months(calendar: DataFrame, count: int) -> DataFrame:
    """One row per month the calendar knows, with it and the months before it.

    Columns: `_month`; `_before`, the trading days before it; `_last`, the number of its last trading day, null where
    the calendar stops within the month; `_ended` and `_ended_before`, the `count` months up to it and up to the one
    before it, oldest first, as structs `last, days`.
    """
    number = F.col("trading_day_number")
    is_whole = F.max("natural_date") == F.last_day(F.max("natural_date"))
    months = calendar.groupBy("calendar", month_number(F.col("natural_date")).alias("_month")).agg(
        F.min(number - F.col("is_trading_day").cast("int")).alias("_before"),
        F.when(is_whole, F.max(number)).alias("_last"),
        F.count_if("is_trading_day").cast("int").alias("days"),
    )
    in_order = Window.partitionBy("calendar").orderBy("_month")
    month = F.collect_list(F.struct(F.col("_last").alias("last"), "days"))
    return months.select(
        "_month",
        "_before",
        "_last",
        month.over(in_order.rowsBetween(1 - count, 0)).alias("_ended"),
        month.over(in_order.rowsBetween(-count, -1)).alias("_ended_before"),
    )


def recent_month_ends(calendar: DataFrame, count: int) -> DataFrame:
    """One row per natural date (`as_of_date`): how far its month is, and the months that ended by it.

    Columns: `_month_days`, the trading days of its month up to it; `_months_ago`, the months from its own to the one
    that ended last: 0 on the last trading day of a month, else 1; `_ends`, the `count` months that ended last, latest
    first, as structs `back` (trading days from the month's last to the date) and `days` (its trading days). Shorter
    where the calendar begins later.
    """
    number = F.col("trading_day_number")
    dated = calendar.withColumn("_month", month_number(F.col("natural_date")))
    dated = dated.join(F.broadcast(list_months(calendar, count)), on="_month", how="inner")
    ends_here = F.coalesce(number == F.col("_last"), F.lit(False))
    ended = F.reverse(F.when(ends_here, F.col("_ended")).otherwise(F.col("_ended_before")))
    return dated.select(
        F.col("natural_date").alias("as_of_date"),
        (number - F.col("_before")).alias("_month_days"),
        F.when(ends_here, 0).otherwise(1).alias("_months_ago"),
        F.transform(ended, lambda end: F.struct((number - end["last"]).alias("back"), end["days"].alias("days"))).alias(
            "_ends"
        ),
    )
