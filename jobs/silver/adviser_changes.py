"""silver.adviser_changes: one row per adviser_id and change.

The CRM delivers the whole list every day; an adviser who left stays on it with left_on, one who vanishes is
deleted.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from jobs.methods.change_feeds import log_of_lists
from jobs.methods.delivered_fields import Field, day, text

KEY = ("adviser_id",)


@dataclass(frozen=True)
class Params:
    """Values of conf/base.yaml.

    Attributes:
        time_zone: of the feed's times and of effective_date.
    """

    time_zone: str


def fields_of_adviser() -> list[Field]:
    """The columns of the entity and how their text reads."""
    return [
        text("adviser_id"),
        text("name"),
        text("name_masked", required=False),
        text("branch_id"),
        text("licence_no", required=False),
        day("joined_on"),
        day("left_on", required=False),
    ]


def build(*, changes: DataFrame, earlier: DataFrame, params: Params) -> DataFrame:
    """The log's rows for the nights of the run, each with its verdict."""
    return log_of_lists(changes, fields=fields_of_adviser(), key=KEY, earlier=earlier, time_zone=params.time_zone)
