"""silver.security_movements: one row per movement_id (and delivery of it): securities in (+) or out (-) untraded.

Quantity and value are signed by the source and must agree; bonus shares have a quantity and no value, since the
price falls with their arrival.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.methods import delivered_fields as fields
from jobs.methods.account_owners import add_customer, add_product_line, unknown_account
from jobs.methods.verdicts import Rule, judge, mark_repeats

KINDS = ("custody_in", "custody_out", "bonus", "rights", "ipo_allotment", "inheritance", "collateral")


@dataclass(frozen=True)
class Params:
    """No values: movements carry dates only."""


def movement_fields() -> list[fields.Field]:
    """The feed's columns."""
    return [
        fields.text("movement_id"),
        fields.text("account_id"),
        fields.text("product_id"),
        fields.text("kind"),
        fields.number("quantity"),
        fields.number("value"),
        fields.day("occurred_on"),
    ]


def signs_disagree() -> Column:
    """True where securities come and value goes, or the other way round."""
    return F.col("quantity") * F.col("value") < 0


def build(
    *, security_movements: DataFrame, earlier: DataFrame, accounts: DataFrame, products: DataFrame, params: Params
) -> DataFrame:
    """Every delivered movement with its verdict, for the nights of the run."""
    columns = movement_fields()
    typed = fields.read_fields(security_movements, columns)
    known = add_product_line(add_customer(typed, accounts), products)
    rules = [
        *fields.reading_rules(columns),
        Rule("unknown_kind", ~F.col("kind").isin(*KINDS)),
        Rule("signs_disagree", signs_disagree()),
        unknown_account(),
    ]
    judged = fields.drop_texts(judge(known, rules), columns)
    return mark_repeats(judged, key=["movement_id"], earlier=earlier, is_late=fields.is_late())
