"""gold.churn_features: one row per person per as_of_date: what may foretell that they leave.

Everything was known by the end of that night; labels (gold.churn_labels) speak of the days strictly after it. Losses
are set against the market: the same loss in a falling market says less.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.methods.people import gather_milestones, list_people

KEY = ["one_id", "as_of_date"]
SPANS = (20, 60)
FROM_WINDOWS = (
    "history_trading_days",
    "net_assets_amount",
    "average_net_assets_amount_20td",
    "average_net_assets_amount_60td",
    "peak_average_net_assets_amount_250td",
    "max_drawdown_ratio_250td",
    "net_assets_slope_20td",
    "net_assets_slope_60td",
    "net_inflow_amount_5td",
    "net_inflow_amount_20td",
    "net_inflow_amount_60td",
    "bank_out_count_20td",
    "custody_out_amount_20td",
    "outflow_weeks_20td",
    "profit_amount_20td",
    "profit_amount_60td",
    "trade_count_5td",
    "trade_count_20td",
    "trade_count_60td",
    "trade_count_250td",
    "trading_days_with_trades_20td",
    "trading_days_with_trades_60td",
    "trade_count_slope_60td",
    "trading_days_since_last_trade",
    "net_revenue_amount_60td",
    "money_fund_redeem_amount_20td",
    "money_fund_redemption_streak_days",
    "cancelled_order_count_60td",
    "login_count_5td",
    "login_count_20td",
    "login_count_60td",
    "login_count_slope_60td",
    "trading_days_since_last_login",
    "event_count_20td",
    "event_count_60td",
    "closing_page_count_30d",
    "closing_question_count_30d",
    "contact_count_30d",
    "complaint_count_30d",
    "cash_ratio",
    "money_fund_ratio",
    "asset_entropy",
    "product_group_entropy_60td",
    "hour_entropy_60td",
    "is_effective",
)


@dataclass(frozen=True)
class Params:
    """Values: conf/base.yaml.

    Attributes:
        market_index: product_id of the index losses are set against (CSI 300).
        least_average_amount: CNY; ratios to smaller average assets say nothing and are null.
        definition_version: goes up when a value above changes.
    """

    market_index: str
    least_average_amount: str
    definition_version: str


def measure_market(quotes: DataFrame, index: str) -> DataFrame:
    """One row per as_of_date with quotes of the index: its return over the last 20 and 60 quoted days, as a ratio."""
    closes = quotes.where(F.col("product_id") == index).withColumn(
        "_ago", F.row_number().over(Window.partitionBy("as_of_date").orderBy(F.col("quote_date").desc())) - 1
    )

    def close(ago: int) -> Column:
        return F.max(F.when(F.col("_ago") == ago, F.col("close"))).cast("double")

    returns = [F.try_divide(close(0), close(span)) - 1 for span in SPANS]
    return closes.groupBy("as_of_date").agg(
        *[value.alias(f"market_return_{span}td") for span, value in zip(SPANS, returns, strict=True)]
    )


def ratio_to(amount: str, average: str, least: str) -> Column:
    """`amount` / `average` as a double; null where the average is below `least`."""
    base = F.when(F.col(average) >= F.lit(least).cast("decimal(18,4)"), F.col(average).cast("double"))
    return F.col(amount).cast("double") / base


def share_of(part: str, whole: str) -> Column:
    """`part` / `whole` of two counts as a double; null when the whole is nothing."""
    return F.try_divide(F.col(part).cast("double"), F.col(whole).cast("double"))


def derived_features(params: Params) -> dict[str, Column]:
    """Ratios of the window columns: falls, flows and losses by assets, recent activity by longer activity."""
    least = params.least_average_amount
    features = {}
    for span in SPANS:
        average = f"average_net_assets_amount_{span}td"
        features[f"net_inflow_ratio_{span}td"] = ratio_to(f"net_inflow_amount_{span}td", average, least)
        features[f"profit_ratio_{span}td"] = ratio_to(f"profit_amount_{span}td", average, least)
        features[f"excess_profit_ratio_{span}td"] = ratio_to(f"profit_amount_{span}td", average, least) - F.col(
            f"market_return_{span}td"
        )
    features["peak_ratio_250td"] = ratio_to(
        "average_net_assets_amount_60td", "peak_average_net_assets_amount_250td", least
    )
    features["net_assets_to_average_ratio_60td"] = ratio_to(
        "net_assets_amount", "average_net_assets_amount_60td", least
    )
    for name in ("trade_count", "login_count", "event_count"):
        features[f"{name}_share_20td_of_60td"] = share_of(f"{name}_20td", f"{name}_60td")
    features["days_since_opened"] = F.datediff("as_of_date", "opened_on")
    features["risk_test_age_days"] = F.datediff("as_of_date", "risk_assessed_on")
    features["has_open_account"] = F.col("opened_on").isNotNull() & F.col("closed_on").isNull()
    features["is_effective"] = F.coalesce("is_effective", F.lit(False))
    features["definition_version"] = F.lit(params.definition_version)
    return features


def build(
    *,
    customers: DataFrame,
    windows: DataFrame,
    milestones: DataFrame,
    identity_map: DataFrame,
    quotes: DataFrame,
    params: Params,
) -> DataFrame:
    """The customers of the run's as-of dates; without quotes the market columns are null."""
    reached = gather_milestones(milestones, identity_map)
    joined = (
        list_people(customers, identity_map)
        .select(*KEY, "risk_assessed_on", "other_broker_accounts")
        .join(reached.select(*KEY, "opened_on", "closed_on"), on=KEY, how="left")
        .join(windows.select(*KEY, *FROM_WINDOWS), on=KEY, how="left")
        .join(F.broadcast(measure_market(quotes, params.market_index)), on="as_of_date", how="left")
    )
    return joined.withColumns(derived_features(params))
