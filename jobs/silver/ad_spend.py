"""silver.ad_spend: one row per spend_date, channel, ad_plan_id and creative_id as delivered.

Offline plans count neither impressions nor clicks: null there, never 0. Without a creative, creative_id is `-`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.methods.delivered_fields import Field, day, drop_texts, is_late, number, read_fields, reading_rules, text
from jobs.methods.source_types import to_integer
from jobs.methods.verdicts import judge, mark_repeats

KEY = ("spend_date", "channel", "ad_plan_id", "creative_id")


@dataclass(frozen=True)
class Params:
    """No values."""


def spend_fields() -> list[Field]:
    """The feed's columns and how their text reads."""
    return [
        day("spend_date"),
        text("channel"),
        text("ad_plan_id"),
        text("creative_id", required=False, when_empty="-"),
        *[Field(name, to_integer(name), "a_number", required=False) for name in ("impressions", "reach", "clicks")],
        number("spend"),
        number("rebate", required=False, when_empty=0),
        text("currency"),
    ]


def build(*, ad_spend: DataFrame, earlier: DataFrame, params: Params) -> DataFrame:
    """The spend delivered in the run's nights, each delivered row with its verdict."""
    fields = spend_fields()
    net = F.try_subtract("spend", "rebate").try_cast("decimal(18,4)")
    judged = judge(read_fields(ad_spend, fields).withColumn("net_spend_amount", net), reading_rules(fields))
    return mark_repeats(drop_texts(judged, fields), key=KEY, earlier=earlier, is_late=is_late())
