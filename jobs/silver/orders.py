"""silver.orders: one row per order_id (and delivery of it), as the extract stated it.

An order is delivered once its day is over; a later statement of the same order is a new row and the latest known
counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.methods import delivered_fields as fields
from jobs.methods.account_owners import add_customer, unknown_account
from jobs.methods.source_types import local_date
from jobs.methods.trading_costs import BUSINESS_KINDS
from jobs.methods.verdicts import Rule, judge, mark_repeats

ORDER_KINDS = (*BUSINESS_KINDS, "repay")


@dataclass(frozen=True)
class Params:
    """`time_zone`: the market's; times in the feed are local to it."""

    time_zone: str


def order_fields(time_zone: str) -> list[fields.Field]:
    """The feed's columns; a fund order by amount has no quantity, a market order no limit."""
    return [
        fields.text("order_id"),
        fields.text("account_id"),
        fields.text("product_id"),
        fields.text("business_kind"),
        fields.number("quantity", required=False),
        fields.number("limit_price", scale=6, required=False),
        fields.text("entry_channel"),
        fields.moment("ordered_at", time_zone),
        fields.text("status"),
        fields.text("journey_id", required=False),
        fields.text("document_id", required=False),
        fields.text("document_version", required=False),
        fields.text("override_document", required=False),
    ]


def ordering_rules() -> list[Rule]:
    """What no readable order may be."""
    return [
        Rule("unknown_business_kind", ~F.col("business_kind").isin(*ORDER_KINDS)),
        Rule("quantity_negative", F.col("quantity") < 0),
        unknown_account(),
    ]


def build(*, orders: DataFrame, earlier: DataFrame, accounts: DataFrame, params: Params) -> DataFrame:
    """Every delivered order with its verdict, for the nights of the run."""
    columns = order_fields(params.time_zone)
    known = add_customer(fields.read_fields(orders, columns), accounts)
    judged = fields.drop_texts(judge(known, [*fields.reading_rules(columns), *ordering_rules()]), columns)
    marked = mark_repeats(judged, key=["order_id"], earlier=earlier, is_late=fields.is_late())
    return marked.withColumn("order_date", local_date("ordered_at", params.time_zone))
