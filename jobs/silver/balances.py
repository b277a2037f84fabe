"""silver.balances: one row per account_id, currency and balance_date (and delivery of it), at close.

`profit_amount` is computed from quantities, prices, trades, movements and flows; `net_assets_break_amount` is what of
the change of net assets neither it nor money and securities brought in explain, and must be 0.00. Facts count on the
night that delivered them. The first date of a lake has nothing before it (opening balances), a late row no day of its
own: profit and break are null. An account new to a lake that already has nights began with nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.methods import delivered_fields as fields
from jobs.methods.account_owners import add_customer, unknown_account
from jobs.methods.closing_levels import (
    NIGHT,
    NIGHT_BEFORE,
    first_version_wins,
    grouped,
    levels_before,
    nights_of,
    on_time,
)
from jobs.methods.corrections import changes_of_night
from jobs.methods.holdings import movement_changes, trade_changes
from jobs.methods.net_assets import charges_owed, flow_results, own_assets, product_results
from jobs.methods.trading_costs import MONEY
from jobs.methods.verdicts import judge, mark_repeats

ACCOUNT = ["account_id", "currency"]
LEVEL = ["quantity", "price", "market_value"]
SUMS = ["market_value", "value_before", "profit", "securities_in", "cash_in"]
OWN = ["own", "owed"]
EXPLAINED = [*(f"sum_of_{name}" for name in SUMS), *(f"{name}_before" for name in OWN)]


@dataclass(frozen=True)
class Params:
    """`base_currency`: what a movement's value counts in where no holding says so."""

    base_currency: str


def balance_fields() -> list[fields.Field]:
    """The feed's columns. An account that cannot borrow may leave its debts empty."""
    owed = ("financing_principal", "short_market_value", "interest_and_fees_owed")
    return [
        fields.text("account_id"),
        fields.text("currency"),
        fields.day("balance_date"),
        *[fields.number(name) for name in ("cash", "withdrawable", "in_transit", "receivable")],
        *[fields.number(name, required=False, when_empty=0) for name in owed],
    ]


def collect_product_parts(
    positions: DataFrame, previous_positions: DataFrame, nights: DataFrame, trades: DataFrame, movements: DataFrame
) -> DataFrame:
    """Closes, yesterday's levels and changes under one another, as `product_results` takes them."""
    closes = positions.where(on_time("position_date")).select(
        "account_id", "product_id", "currency", NIGHT, F.struct(*LEVEL).alias("close")
    )
    levels = levels_before(
        positions,
        previous_positions,
        nights,
        date_column="position_date",
        key=["account_id", "product_id", "currency"],
        values=LEVEL,
    ).select("account_id", "product_id", "currency", NIGHT, F.struct(*LEVEL).alias("level"), "_version")
    parts = closes.unionByName(levels, allowMissingColumns=True).unionByName(trades, allowMissingColumns=True)
    return parts.unionByName(movements, allowMissingColumns=True)


def explain_accounts(products: DataFrame, flows: DataFrame, before: DataFrame) -> DataFrame:
    """One row per account, currency and night: the sums of `SUMS`, and own_before and owed_before (CNY)."""
    levels = before.select(*ACCOUNT, NIGHT, F.struct(*OWN).alias("before"), "_version")
    parts = products.unionByName(flows, allowMissingColumns=True).unionByName(levels, allowMissingColumns=True)
    summed = grouped(parts, [*ACCOUNT, NIGHT]).agg(
        *[F.sum(name).cast(MONEY).alias(f"sum_of_{name}") for name in SUMS],
        F.min_by("before", "_version").alias("before"),
    )
    return summed.select("*", *[F.col("before")[name].alias(f"{name}_before") for name in OWN]).drop("before")


def value_late_balances(balances: DataFrame, positions: DataFrame, earlier_positions: DataFrame) -> DataFrame:
    """Per account, currency, balance_date and night of a late balance: the positions' value known by that night."""
    needed = balances.where(F.col("balance_date") < F.col(NIGHT)).select(
        "account_id", F.col("balance_date").alias("position_date"), F.col(NIGHT).alias("_known_by")
    )
    known = positions.unionByName(earlier_positions.select(*positions.columns)).join(
        F.broadcast(needed.distinct()), on=["account_id", "position_date"], how="inner"
    )
    held = F.when(~F.col("_withdrawn"), F.col("market_value"))
    latest = (
        known.where(F.col(NIGHT) <= F.col("_known_by"))
        .groupBy(*ACCOUNT, "product_id", "position_date", "_known_by")
        .agg(F.min_by(held, first_version_wins()).alias("value"))
    )
    totals = latest.groupBy(*ACCOUNT, "position_date", "_known_by").agg(F.sum("value").alias("late_market_value"))
    return totals.withColumnsRenamed({"position_date": "balance_date", "_known_by": NIGHT})


def add_net_assets(rows: DataFrame, explained: DataFrame, late_values: DataFrame) -> DataFrame:
    """`rows` with market_value and net_assets_amount (CNY), and what explains them."""
    joined = rows.join(explained, on=[*ACCOUNT, NIGHT], how="left").join(
        F.broadcast(late_values), on=[*ACCOUNT, "balance_date", NIGHT], how="left"
    )
    known = joined.fillna(0, subset=[*EXPLAINED, "late_market_value"])
    value = F.when(on_time("balance_date"), F.col("sum_of_market_value")).otherwise(F.col("late_market_value"))
    return known.withColumn("market_value", value.cast(MONEY)).withColumn(
        "net_assets_amount", (own_assets() + F.col("market_value")).cast(MONEY)
    )


def add_proof(rows: DataFrame, nights: DataFrame) -> DataFrame:
    """`rows` with what came in, the profit of the day and the break (CNY)."""
    dated = rows.join(F.broadcast(nights.select(NIGHT, NIGHT_BEFORE)), on=NIGHT, how="left")
    is_on_time = on_time("balance_date")
    is_checked = is_on_time & F.col(NIGHT_BEFORE).isNotNull()
    profit = F.col("sum_of_profit") - (charges_owed() - F.col("owed_before"))
    change = F.col("net_assets_amount") - F.col("own_before") - F.col("sum_of_value_before")
    brought_in = F.col("sum_of_cash_in") + F.col("sum_of_securities_in")
    return dated.withColumns(
        {
            "net_cash_in_amount": F.when(is_on_time, F.col("sum_of_cash_in")).cast(MONEY),
            "net_securities_in_amount": F.when(is_on_time, F.col("sum_of_securities_in")).cast(MONEY),
            "profit_amount": F.when(is_checked, profit).cast(MONEY),
            "net_assets_break_amount": F.when(is_checked, change - profit - brought_in).cast(MONEY),
        }
    )


def build(
    *,
    balances: DataFrame,
    earlier: DataFrame,
    accounts: DataFrame,
    previous: DataFrame,
    positions: DataFrame,
    earlier_positions: DataFrame,
    previous_positions: DataFrame,
    executions: DataFrame,
    earlier_executions: DataFrame,
    cash_flows: DataFrame,
    earlier_cash_flows: DataFrame,
    security_movements: DataFrame,
    earlier_security_movements: DataFrame,
    params: Params,
) -> DataFrame:
    """Every delivered balance with its verdict, profit and break, for the nights of the run."""
    columns = balance_fields()
    known = add_customer(fields.read_fields(balances, columns), accounts)
    judged = fields.drop_texts(judge(known, [*fields.reading_rules(columns), unknown_account()]), columns)
    nights = nights_of(balances, previous)
    trades = trade_changes(executions, earlier_executions)
    movements = movement_changes(security_movements, earlier_security_movements)
    flows = changes_of_night(cash_flows, earlier_cash_flows, key=["flow_id"])
    products = product_results(
        collect_product_parts(positions, previous_positions, nights, trades, movements), params.base_currency
    )
    own = {"own": own_assets(), "owed": charges_owed()}
    before = levels_before(
        judged.withColumns(own), previous.withColumns(own), nights, date_column="balance_date", key=ACCOUNT, values=OWN
    )
    explained = explain_accounts(products, flow_results(flows), before)
    marked = mark_repeats(judged, key=[*ACCOUNT, "balance_date"], earlier=earlier, is_late=fields.is_late())
    late_values = value_late_balances(judged, positions, earlier_positions)
    return add_proof(add_net_assets(marked, explained, late_values), nights)
