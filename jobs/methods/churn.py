"""Explicit churn: when a person left for good, found in account changes, custody movements and balances."""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.methods.people import is_open_account

LABEL_KEY = ["one_id", "as_of_date", "known_on"]


def latest_change(changes: DataFrame) -> DataFrame:
    """The last row of each account and date among change rows: by effective date, then the feed's own order."""
    order = ["effective_date", "change_sequence", "_business_date", "_sequence"]
    last = Window.partitionBy("account_id", "as_of_date").orderBy(*[F.col(name).desc() for name in order])
    return changes.withColumn("_place", F.row_number().over(last)).where(F.col("_place") == 1).drop("_place")


def _is_gone(known_on: Column) -> Column:
    closed = (F.col("status") == "closed") | F.coalesce(F.col("closed_on") <= known_on, F.lit(False))
    return closed | F.col("is_deleted")


def date_of_last_closing(open_accounts: DataFrame, changes_ahead: DataFrame) -> DataFrame:
    """One row per person with an open account: open_account_count, and accounts_closed_on, null while one is open.

    `open_accounts`: the accounts open on as_of_date with one_id; `changes_ahead`: account changes of the label
    window with one_id. An account opened inside the window counts from then on.
    """
    ahead = latest_change(changes_ahead).withColumn("_gone", _is_gone(F.col("known_on")))
    after = ahead.select(*LABEL_KEY, "account_id", "_gone", F.col("effective_date").alias("_gone_on"))
    before = open_accounts.select(*LABEL_KEY, "account_id", F.lit(True).alias("_was_open"))
    accounts = before.join(after, on=[*LABEL_KEY, "account_id"], how="full_outer")
    still_open = F.max((~F.coalesce("_gone", F.lit(False))).cast("int")) == 1
    closed_on = F.max(F.when(F.col("_was_open"), F.col("_gone_on")))
    return (
        accounts.groupBy(*LABEL_KEY)
        .agg(
            F.count("_was_open").alias("open_account_count"),
            F.when(~still_open, closed_on).alias("accounts_closed_on"),
        )
        .where(F.col("open_account_count") > 0)
    )


def date_of_custody_out(movements: DataFrame, balances: DataFrame, below_amount: Decimal) -> DataFrame:
    """One row per person: the first day, from their first custody-out on, that closed under `below_amount` CNY.

    Both frames hold the label window's rows with one_id. What remains is the person's net assets over all
    accounts; days without a balance row say nothing.
    """
    first_out = (
        movements.where(F.col("kind") == "custody_out")
        .groupBy(*LABEL_KEY)
        .agg(F.min("occurred_on").alias("_first_out"))
    )
    remaining = balances.groupBy(*LABEL_KEY, "balance_date").agg(F.sum("net_assets_amount").alias("_remaining"))
    left = remaining.join(first_out, on=LABEL_KEY, how="inner").where(
        (F.col("balance_date") >= F.col("_first_out")) & (F.col("_remaining") < F.lit(below_amount))
    )
    return left.groupBy(*LABEL_KEY).agg(F.min("balance_date").alias("moved_out_on"))


def keep_open(accounts: DataFrame) -> DataFrame:
    """The accounts that are open on their as_of_date."""
    return accounts.where(is_open_account())
