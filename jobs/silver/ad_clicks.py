"""silver.ad_clicks: one row per click_id as delivered.

The click binds a device to an ad plan before anybody has logged in, so device_id may open a path without a customer.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from jobs.methods.delivered_fields import Field, drop_texts, is_late, moment, read_fields, reading_rules, text
from jobs.methods.source_types import local_date
from jobs.methods.verdicts import judge, mark_repeats

KEY = ("click_id",)


@dataclass(frozen=True)
class Params:
    """Values of conf/base.yaml.

    Attributes:
        time_zone: of clicked_at in the feed and of click_date.
    """

    time_zone: str


def click_fields(time_zone: str) -> list[Field]:
    """The feed's columns and how their text reads."""
    return [
        text("click_id"),
        text("ad_plan_id"),
        text("device_id", required=False),
        text("ip", required=False),
        moment("clicked_at", time_zone),
    ]


def build(*, clicks: DataFrame, earlier: DataFrame, params: Params) -> DataFrame:
    """The clicks delivered in the run's nights, each delivered row with its verdict."""
    fields = click_fields(params.time_zone)
    dated = read_fields(clicks, fields).withColumn("click_date", local_date("clicked_at", params.time_zone))
    judged = judge(dated, reading_rules(fields))
    return mark_repeats(drop_texts(judged, fields), key=KEY, earlier=earlier, is_late=is_late())
