"""silver.branch_changes: one row per branch_id and change.

The CRM delivers the whole list every day; a row is written only when a branch is new, differs, or is gone.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from jobs.methods.change_feeds import log_of_lists
from jobs.methods.delivered_fields import Field, text

KEY = ("branch_id",)


@dataclass(frozen=True)
class Params:
    """Values of conf/base.yaml.

    Attributes:
        time_zone: of the feed's times and of effective_date.
    """

    time_zone: str


def fields_of_branch() -> list[Field]:
    """The columns of the entity and how their text reads."""
    return [
        text("branch_id"),
        text("parent_id", required=False),
        text("name"),
        text("region", required=False),
    ]


def build(*, changes: DataFrame, earlier: DataFrame, params: Params) -> DataFrame:
    """The log's rows for the nights of the run, each with its verdict."""
    return log_of_lists(changes, fields=fields_of_branch(), key=KEY, earlier=earlier, time_zone=params.time_zone)
