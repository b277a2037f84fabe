"""gold.clv_features: one row per person per as_of_date: what the lifetime-value models are fitted on.

BG/NBD inputs after Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2):
frequency x is the number of REPEAT purchase occasions (the first one is not counted), recency t_x the time of the
last one and T the age, both since the first one. An occasion is a day with a trade of one's own; time runs in
trading days. x = 0 has recency 0; somebody who never traded has neither (null).
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.methods.people import gather_milestones, list_people
from jobs.methods.trading_days import add_night_number

KEY = ["one_id", "as_of_date"]
NUMBERS = {"first_trade_on": "_first", "last_trade_on": "_last", "as_of_date": "_now"}
RUN_RATE = (
    "net_assets_amount",
    "average_net_assets_amount_20td",
    "average_net_assets_amount_250td",
    "cash_amount",
    "debt_amount",
    "stock_value_amount",
    "fund_value_amount",
    "money_fund_value_amount",
    "net_revenue_amount_60td",
    "net_revenue_amount_250td",
    "financing_interest_amount_250td",
    "advisory_fee_amount_250td",
    "trading_days_with_trades_60td",
    "trading_days_with_trades_250td",
    "history_trading_days",
)
LIFETIME = ("lifetime_trading_days_with_trades", "lifetime_trade_count", "lifetime_net_revenue_amount")


@dataclass(frozen=True)
class Params:
    """The table has no parameters: a definition of the literature has no threshold."""


def measure_purchases(milestones: DataFrame, calendar: DataFrame) -> DataFrame:
    """One row per person who ever traded: frequency, recency and age, in trading days."""
    numbered = milestones.where(F.col("first_trade_on").isNotNull())
    for date_name, number in NUMBERS.items():
        numbered = add_night_number(numbered, calendar, date_name, number)
    trade_days = F.col("lifetime_trading_days_with_trades")
    return numbered.select(
        *KEY,
        (trade_days - 1).alias("frequency"),
        (F.col("_last") - F.col("_first")).cast("bigint").alias("recency_trading_days"),
        (F.col("_now") - F.col("_first")).cast("bigint").alias("age_trading_days"),
        F.try_divide(F.col("lifetime_net_revenue_amount"), trade_days)
        .cast("decimal(18,4)")
        .alias("net_revenue_per_trade_day_amount"),
    )


def build(
    *,
    customers: DataFrame,
    windows: DataFrame,
    milestones: DataFrame,
    identity_map: DataFrame,
    calendar: DataFrame,
    params: Params,
) -> DataFrame:
    """The customers of the run's as-of dates; who never traded has null model inputs and zero sums."""
    reached = gather_milestones(milestones, identity_map)
    facts = reached.select(*KEY, "opened_on", "closed_on", "first_trade_on", "last_trade_on", *LIFETIME)
    joined = (
        list_people(customers, identity_map)
        .select(*KEY)
        .join(facts, on=KEY, how="left")
        .join(measure_purchases(reached, calendar), on=KEY, how="left")
        .join(windows.select(*KEY, *RUN_RATE), on=KEY, how="left")
        .fillna(0, subset=list(LIFETIME))
    )
    has_account = F.col("opened_on").isNotNull() & F.col("closed_on").isNull()
    return joined.withColumn("has_open_account", has_account)
