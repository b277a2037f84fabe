"""silver.product_changes: one row per product_id and change.

The market delivers the whole list every day; a row is written only when a product is new, differs, or is gone.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from jobs.methods.change_feeds import log_of_lists
from jobs.methods.delivered_fields import Field, number, text, whole_number
from jobs.methods.source_types import to_double

KEY = ("product_id",)


@dataclass(frozen=True)
class Params:
    """Values of conf/base.yaml.

    Attributes:
        time_zone: of the feed's times and of effective_date.
    """

    time_zone: str


def fields_of_product() -> list[Field]:
    """The columns of the entity and how their text reads."""
    return [
        text("product_id"),
        text("name"),
        text("market"),
        text("product_line"),
        text("risk_level", required=False),
        whole_number("term_days", required=False),
        number("min_amount", required=False),
        number("lot", required=False),
        text("settlement_cycle", required=False),
        text("currency"),
        text("issuer", required=False),
        Field("trail_fee_rate", to_double("trail_fee_rate"), "a_number", required=False),
        text("status", required=False),
    ]


def build(*, changes: DataFrame, earlier: DataFrame, params: Params) -> DataFrame:
    """The log's rows for the nights of the run, each with its verdict."""
    return log_of_lists(changes, fields=fields_of_product(), key=KEY, earlier=earlier, time_zone=params.time_zone)
