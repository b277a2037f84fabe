"""silver.quotes: one row per product_id and quote_date as delivered: a daily bar, or a fund's net value as close.

Only backward-adjusted closes are made: a forward factor is known later than the day and would leak the future.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.methods.delivered_fields import (
    Field,
    day,
    drop_texts,
    is_late,
    moment,
    number,
    read_fields,
    reading_rules,
    text,
)
from jobs.methods.source_types import to_decimal
from jobs.methods.verdicts import Rule, judge, mark_repeats

KEY = ("product_id", "quote_date")


@dataclass(frozen=True)
class Params:
    """Values of conf/base.yaml.

    Attributes:
        time_zone: of published_at in the feed.
    """

    time_zone: str


def quote_fields(time_zone: str) -> list[Field]:
    """The feed's columns and how their text reads."""
    return [
        text("product_id"),
        day("quote_date"),
        *[number(name, scale=6, required=name == "close") for name in ("open", "high", "low", "close", "prev_close")],
        number("volume", required=False),
        number("turnover", required=False),
        Field("backward_factor", to_decimal("backward_factor", 18, 8), "a_number"),
        day("nav_date", required=False),
        moment("published_at", time_zone, required=False),
    ]


def build(*, quotes: DataFrame, earlier: DataFrame, params: Params) -> DataFrame:
    """The quotes of the run's nights, each delivered row with its verdict."""
    fields = quote_fields(params.time_zone)
    adjusted = F.round(F.col("close").cast("decimal(18,6)") * F.col("backward_factor"), 6).try_cast("decimal(18,6)")
    read = read_fields(quotes, fields).withColumn("backward_adjusted_close", adjusted)
    too_large = Rule("backward_adjusted_close_too_large", F.col("backward_adjusted_close").isNull())
    judged = judge(read, [*reading_rules(fields), too_large])
    return mark_repeats(drop_texts(judged, fields), key=KEY, earlier=earlier, is_late=is_late())
