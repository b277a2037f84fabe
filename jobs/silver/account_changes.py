"""silver.account_changes: one row per account_id and change as delivered.

An account never changes hands: facts take the customer_no of its first delivered row.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from jobs.methods.change_feeds import log_of_changes
from jobs.methods.delivered_fields import Field, day, text
from jobs.methods.source_types import to_double

KEY = ("account_id",)


@dataclass(frozen=True)
class Params:
    """Values of conf/base.yaml.

    Attributes:
        time_zone: of the feed's times and of effective_date.
    """

    time_zone: str


def fields_of_account() -> list[Field]:
    """The columns of the entity and how their text reads."""
    return [
        text("account_id"),
        text("customer_no"),
        text("account_kind"),
        text("branch_id", required=False),
        day("opened_on"),
        day("closed_on", required=False),
        text("close_reason", required=False),
        text("status"),
        Field("commission_rate", to_double("commission_rate"), "a_number", required=False),
    ]


def build(*, changes: DataFrame, earlier: DataFrame, params: Params) -> DataFrame:
    """The log's rows for the nights of the run, each with its verdict."""
    return log_of_changes(changes, fields=fields_of_account(), key=KEY, earlier=earlier, time_zone=params.time_zone)
