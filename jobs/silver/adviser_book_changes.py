"""silver.adviser_book_changes: one row per adviser_id, customer_no, role and change as delivered.

A service that ends is an update with to_date; a deletion takes back one that never was.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from jobs.methods.change_feeds import log_of_changes
from jobs.methods.delivered_fields import Field, day, text

KEY = ("adviser_id", "customer_no", "role")


@dataclass(frozen=True)
class Params:
    """Values of conf/base.yaml.

    Attributes:
        time_zone: of the feed's times and of effective_date.
    """

    time_zone: str


def fields_of_adviser_book() -> list[Field]:
    """The columns of the entity and how their text reads."""
    return [
        text("adviser_id"),
        text("customer_no"),
        text("role"),
        day("from_date"),
        day("to_date", required=False),
    ]


def build(*, changes: DataFrame, earlier: DataFrame, params: Params) -> DataFrame:
    """The log's rows for the nights of the run, each with its verdict."""
    return log_of_changes(
        changes, fields=fields_of_adviser_book(), key=KEY, earlier=earlier, time_zone=params.time_zone
    )
