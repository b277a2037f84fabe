"""gold.customer_360: one row per person per as_of_date.

The CRM decides who is a customer; accounts, trading and behaviour only add to that row. Hence left joins only, and a
customer who closed every account stays, with the status closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.methods.people import attach_one_id, gather_milestones, is_open_account, list_people
from jobs.methods.tiers import tier_of

KEY = ["one_id", "as_of_date"]
ACCOUNT_KINDS = ("cash", "margin", "fund", "option")


@dataclass(frozen=True)
class Params:
    """Values: conf/base.yaml. Amounts in CNY as text.

    Attributes:
        tier_bounds: lower bounds of every tier but the lowest, ascending.
        tiers: names of the tiers, the lowest first.
        tier_watch_month_ends: month ends in a row below the tier from which it is watched.
        tier_keep_month_ends: month ends in a row below it after which it is lost.
        high_net_worth_amount, high_net_worth_orders: both are needed, orders in 250 trading days.
        professional_amount, professional_experience_months: what we must see to agree with the CRM.
        risk_test_valid_months: how long a risk test counts.
        definition_version: goes up when a value above changes.
    """

    tier_bounds: Sequence[str]
    tiers: Sequence[str]
    tier_watch_month_ends: int
    tier_keep_month_ends: int
    high_net_worth_amount: str
    high_net_worth_orders: int
    professional_amount: str
    professional_experience_months: int
    risk_test_valid_months: int
    definition_version: str


def summarise_accounts(accounts: DataFrame, identity_map: DataFrame) -> DataFrame:
    """One row per person with accounts: how many, how many open by kind, first opened, last closed."""
    owned = attach_one_id(accounts, identity_map, "customer", "customer_no").withColumn("_open", is_open_account())
    by_kind = [
        F.count_if(F.col("_open") & (F.col("account_kind") == kind)).alias(f"open_{kind}_account_count")
        for kind in ACCOUNT_KINDS
    ]
    return owned.groupBy(*KEY).agg(
        F.count(F.lit(1)).alias("account_count"),
        F.count_if("_open").alias("open_account_count"),
        *by_kind,
        F.min("opened_on").alias("first_account_opened_on"),
        F.max(F.when(~F.col("_open"), F.col("closed_on"))).alias("last_account_closed_on"),
    )


def pick_service_adviser(adviser_book: DataFrame, advisers: DataFrame) -> DataFrame:
    """One row per customer_no and date with a service adviser: the one who began last, then the lowest id."""
    serves = (
        (F.col("role") == "service")
        & (F.col("from_date") <= F.col("as_of_date"))
        & F.coalesce(F.col("to_date") >= F.col("as_of_date"), F.lit(True))
    )
    last = Window.partitionBy("customer_no", "as_of_date").orderBy(F.col("from_date").desc(), "adviser_id")
    picked = adviser_book.where(serves).withColumn("_place", F.row_number().over(last)).where(F.col("_place") == 1)
    names = advisers.select("as_of_date", "adviser_id", F.col("name_masked").alias("adviser_name_masked"))
    return picked.join(names, on=["as_of_date", "adviser_id"], how="left").select(
        "as_of_date",
        "customer_no",
        "adviser_id",
        "adviser_name_masked",
        F.col("from_date").alias("adviser_since"),
    )


def list_tags(tags: DataFrame) -> DataFrame:
    """One row per person with tags: `tag_code=value`, sorted."""
    pairs = F.collect_list(F.concat("tag_code", F.lit("="), "value"))
    return tags.groupBy(*KEY).agg(F.sort_array(pairs).alias("tags"))


def name_branches(branches: DataFrame) -> DataFrame:
    """Branch name and region by branch and date."""
    return branches.select(
        "as_of_date",
        "branch_id",
        F.col("name").alias("branch_name"),
        F.col("region").alias("branch_region"),
    )


def tier_columns(params: Params) -> dict[str, Column]:
    """The tier of the running month alone, the tier kept over month ends, and whether that one is about to be lost."""

    def tier(average: str) -> Column:
        return tier_of(F.col(average), params.tier_bounds, params.tiers)

    recent, kept = (
        tier(f"best_month_average_net_assets_amount_{month_ends}m")
        for month_ends in (params.tier_watch_month_ends, params.tier_keep_month_ends)
    )
    return {
        "tier_by_average": tier("month_average_net_assets_amount"),
        "tier": kept,
        "is_tier_watched": recent != kept,
        "history_month_ends": F.coalesce("history_month_ends", F.lit(0)),
    }


def check_professional(params: Params) -> Column:
    """Consistent when our own books bear out the CRM's word, else unknown; null for all others.

    Never false: assets and experience at other brokers are invisible to us.
    """
    experienced_from = F.add_months("first_trade_on", params.professional_experience_months)
    seen = (F.col("net_assets_amount") >= F.lit(params.professional_amount).cast("decimal(18,4)")) & (
        experienced_from <= F.col("as_of_date")
    )
    checked = F.when(seen, "consistent").otherwise("unknown")
    return F.when(F.col("investor_class") == "professional", checked)


def judged_columns(params: Params) -> dict[str, Column]:
    """Columns that follow from the joined ones by a definition."""
    wealthy = F.col("net_assets_amount") >= F.lit(params.high_net_worth_amount).cast("decimal(18,4)")
    active = F.col("filled_order_count_250td") >= params.high_net_worth_orders
    valid_until = F.add_months("risk_assessed_on", params.risk_test_valid_months)
    status = F.when(F.col("account_count") == 0, "registered").when(F.col("open_account_count") > 0, "open")
    return {
        "customer_status": status.otherwise("closed"),
        **tier_columns(params),
        "is_effective": F.coalesce("is_effective", F.lit(False)),
        "is_high_net_worth": F.coalesce(wealthy & active, F.lit(False)),
        "professional_check": check_professional(params),
        "is_risk_test_valid": F.coalesce(valid_until >= F.col("as_of_date"), F.lit(False)),
        "risk_test_age_days": F.datediff("as_of_date", "risk_assessed_on"),
        "age_years": F.floor(F.months_between("as_of_date", "birth_date") / 12).cast("int"),
        "days_since_registered": F.datediff("as_of_date", "registered_on"),
        "days_from_opening_to_first_trade": F.datediff("first_trade_on", "first_account_opened_on"),
        "lifetime_trading_days_with_trades": F.coalesce("lifetime_trading_days_with_trades", F.lit(0)),
        "lifetime_trade_count": F.coalesce("lifetime_trade_count", F.lit(0)),
        "lifetime_net_revenue_amount": F.coalesce("lifetime_net_revenue_amount", F.lit(0)).cast("decimal(18,4)"),
        "tags": F.coalesce("tags", F.array().cast("array<string>")),
        "definition_version": F.lit(params.definition_version),
    }


def build(
    *,
    customers: DataFrame,
    accounts: DataFrame,
    adviser_book: DataFrame,
    advisers: DataFrame,
    branches: DataFrame,
    identity_map: DataFrame,
    milestones: DataFrame,
    windows: DataFrame,
    tags: DataFrame,
    params: Params,
) -> DataFrame:
    """The customers of the run's as-of dates, each with what was known of them by then."""
    counts = ["account_count", "open_account_count", *[f"open_{kind}_account_count" for kind in ACCOUNT_KINDS]]
    reached = gather_milestones(milestones, identity_map).drop("opened_on", "closed_on", "first_effective_on")
    joined = (
        list_people(customers, identity_map)
        .join(name_branches(branches), on=["as_of_date", "branch_id"], how="left")
        .join(pick_service_adviser(adviser_book, advisers), on=["as_of_date", "customer_no"], how="left")
        .join(summarise_accounts(accounts, identity_map), on=KEY, how="left")
        .join(reached, on=KEY, how="left")
        .join(windows.drop("definition_version"), on=KEY, how="left")
        .join(list_tags(tags), on=KEY, how="left")
        .fillna(0, subset=counts)
    )
    return joined.withColumns(judged_columns(params))
