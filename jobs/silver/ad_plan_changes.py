"""silver.ad_plan_changes: one row per ad_plan_id and change as delivered.

Labels stay as the channel writes them: what they mean differs by channel.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from jobs.methods.change_feeds import log_of_changes
from jobs.methods.delivered_fields import Field, day, text

KEY = ("ad_plan_id",)


@dataclass(frozen=True)
class Params:
    """Values of conf/base.yaml.

    Attributes:
        time_zone: of the feed's times and of effective_date.
    """

    time_zone: str


def fields_of_ad_plan() -> list[Field]:
    """The columns of the entity and how their text reads."""
    return [
        text("ad_plan_id"),
        text("campaign_id", required=False),
        text("channel"),
        text("labels", required=False),
        text("landing_page", required=False),
        day("starts_on"),
        day("ends_on", required=False),
    ]


def build(*, changes: DataFrame, earlier: DataFrame, params: Params) -> DataFrame:
    """The log's rows for the nights of the run, each with its verdict."""
    return log_of_changes(changes, fields=fields_of_ad_plan(), key=KEY, earlier=earlier, time_zone=params.time_zone)
