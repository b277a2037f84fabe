"""silver.executions: one row per execution_id and revision (and delivery of it), as delivered.

Every revision is kept; readers take the latest known. An execution belongs to the night that delivered it: a fund
confirmation of T+1 has trade_date T and moves units and cash on T+1.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.methods import delivered_fields as fields
from jobs.methods.account_owners import add_customer, add_product_line, unknown_account
from jobs.methods.source_types import local_date
from jobs.methods.trading_costs import BUSINESS_KINDS, COMMISSION_BASES, cash_effect, net_revenue
from jobs.methods.verdicts import Rule, judge, mark_repeats

FEES = ("exchange_fee", "regulatory_fee", "stamp_duty", "transfer_fee")


@dataclass(frozen=True)
class Params:
    """`time_zone`: the market's; times in the feed are local to it."""

    time_zone: str


def execution_fields(time_zone: str) -> list[fields.Field]:
    """The feed's columns. An empty fee cell means that no such fee was charged, an empty basis is net."""
    return [
        fields.text("execution_id"),
        fields.whole_number("revision"),
        fields.text("order_id", required=False),
        fields.text("account_id"),
        fields.text("product_id"),
        fields.text("business_kind"),
        fields.number("quantity"),
        fields.number("price", scale=6),
        fields.text("currency"),
        fields.number("amount"),
        fields.number("commission", required=False, when_empty=0),
        fields.text("commission_basis", required=False, when_empty="net"),
        *[fields.number(name, required=False, when_empty=0) for name in FEES],
        fields.moment("executed_at", time_zone),
        fields.day("confirm_date", required=False),
        fields.day("nav_date", required=False),
        fields.day("settles_on", required=False),
        fields.truth("is_busted"),
    ]


def trading_rules() -> list[Rule]:
    """What no readable execution may be."""
    return [
        Rule("unknown_business_kind", ~F.col("business_kind").isin(*BUSINESS_KINDS)),
        Rule("unknown_commission_basis", ~F.col("commission_basis").isin(*COMMISSION_BASES)),
        Rule("revision_negative", F.col("revision") < 0),
        Rule("quantity_not_positive", F.col("quantity") <= 0),
        Rule("amount_negative", F.col("amount") < 0),
        unknown_account(),
    ]


def add_initiative(rows: DataFrame, orders: DataFrame) -> DataFrame:
    """`rows` with is_customer_initiated: false where the order is known by the night and came from the system."""
    system = orders.where(F.col("entry_channel") == "system").select(
        "order_id", F.col("as_of_date").alias("_delivered_on"), F.lit(False).alias("is_customer_initiated")
    )
    joined = rows.join(F.broadcast(system.distinct()), on=["order_id", "_delivered_on"], how="left")
    return joined.fillna({"is_customer_initiated": True})


def is_correction() -> Column:
    """True for a row that may have a version in an earlier partition."""
    return fields.is_late() | (F.col("revision") > 0)


def build(
    *,
    executions: DataFrame,
    earlier: DataFrame,
    accounts: DataFrame,
    products: DataFrame,
    orders: DataFrame,
    params: Params,
) -> DataFrame:
    """Every delivered execution with its verdict, for the nights of the run."""
    columns = execution_fields(params.time_zone)
    typed = fields.read_fields(executions, columns)
    known = add_product_line(add_customer(typed, accounts), products)
    judged = fields.drop_texts(judge(known, [*fields.reading_rules(columns), *trading_rules()]), columns)
    marked = mark_repeats(judged, key=["execution_id"], version=["revision"], earlier=earlier, is_late=is_correction())
    return add_initiative(marked, orders).withColumns(
        {
            "net_revenue_amount": net_revenue(),
            "cash_effect_amount": cash_effect(),
            "trade_date": local_date("executed_at", params.time_zone),
        }
    )
