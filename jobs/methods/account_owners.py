"""What a fact takes from the masters: the customer of its account and the line of its product."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.methods.verdicts import Rule


def first_delivered(changes: DataFrame, key: str, value: str) -> DataFrame:
    """One row per `key`: the `value` of its first delivered change and `_known_on`, the night of that delivery."""
    order = F.struct("_delivered_on", "_business_date", "_sequence", "change_sequence")
    return changes.groupBy(key).agg(F.min_by(value, order).alias(value), F.min("_delivered_on").alias("_known_on"))


def _known_value(value: str) -> Column:
    return F.when(F.col("_known_on") <= F.col("_delivered_on"), F.col(value))


def add_customer(rows: DataFrame, accounts: DataFrame) -> DataFrame:
    """`rows` with customer_no, null where the account was not delivered by the row's night.

    An account never changes hands, so its first delivered row decides for good and order of arrival cannot matter.
    """
    owners = first_delivered(accounts, "account_id", "customer_no")
    joined = rows.join(F.broadcast(owners), on="account_id", how="left")
    return joined.withColumn("customer_no", _known_value("customer_no")).drop("_known_on")


def unknown_account() -> Rule:
    """Rejects a fact of an account that was not delivered by then."""
    return Rule("unknown_account", F.col("customer_no").isNull())


def add_product_line(rows: DataFrame, products: DataFrame) -> DataFrame:
    """`rows` with product_line, null where the product was not delivered by the row's night.

    A product that is missing in the master rejects no money: a lake may run without a product feed at all, and a
    trade in a product listed this morning is real. A quality rule counts the nulls instead.
    """
    lines = first_delivered(products, "product_id", "product_line")
    joined = rows.join(F.broadcast(lines), on="product_id", how="left")
    return joined.withColumn("product_line", _known_value("product_line")).drop("_known_on")
