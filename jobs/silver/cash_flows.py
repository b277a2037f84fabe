"""silver.cash_flows: one row per flow_id (and delivery of it): cash in (+) or out (-) without a trade.

The sign is the source's; a bank transfer whose sign contradicts its kind is rejected, for nobody can tell which of
the two is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.methods import delivered_fields as fields
from jobs.methods.account_owners import add_customer, unknown_account
from jobs.methods.net_assets import FLOW_KINDS
from jobs.methods.source_types import local_date
from jobs.methods.verdicts import Rule, judge, mark_repeats


@dataclass(frozen=True)
class Params:
    """`time_zone`: the market's; times in the feed are local to it."""

    time_zone: str


def flow_fields(time_zone: str) -> list[fields.Field]:
    """The feed's columns; bank and second check stand on transfers only."""
    return [
        fields.text("flow_id"),
        fields.text("account_id"),
        fields.text("kind"),
        fields.number("amount"),
        fields.text("currency"),
        fields.moment("occurred_at", time_zone),
        fields.text("bank", required=False),
        fields.text("verified_by", required=False),
        fields.moment("verified_at", time_zone, required=False),
    ]


def sign_contradicts_kind() -> Column:
    """True for money in that is negative and money out that is positive."""
    kind, amount = F.col("kind"), F.col("amount")
    return ((kind == "bank_in") & (amount < 0)) | ((kind == "bank_out") & (amount > 0))


def build(*, cash_flows: DataFrame, earlier: DataFrame, accounts: DataFrame, params: Params) -> DataFrame:
    """Every delivered flow with its verdict, for the nights of the run."""
    columns = flow_fields(params.time_zone)
    known = add_customer(fields.read_fields(cash_flows, columns), accounts)
    rules = [
        *fields.reading_rules(columns),
        Rule("unknown_kind", ~F.col("kind").isin(*FLOW_KINDS)),
        Rule("sign_contradicts_kind", sign_contradicts_kind()),
        unknown_account(),
    ]
    judged = fields.drop_texts(judge(known, rules), columns)
    marked = mark_repeats(judged, key=["flow_id"], earlier=earlier, is_late=fields.is_late())
    return marked.withColumn("flow_date", local_date("occurred_at", params.time_zone))
