"""Net assets of an account and the profit of a day, from prices, trades, movements and flows (CNY, to the cent).

profit = sum over products of (value of the explained quantity at today's price - yesterday's market value + cash of
the trades, fees paid - value of the securities moved) + flows that are no transfer - growth of what is owed. It is
never the residual: net assets - yesterday's - profit - net cash in - net securities in must be 0.00, and a quantity
nobody can explain, a wrong market value or missing cash shows there.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.methods.closing_levels import NIGHT, grouped
from jobs.methods.trading_costs import MONEY

TRANSFER_KINDS = ("bank_in", "bank_out")
INCOME_KINDS = (
    "dividend", "dividend_tax", "interest", "financing_interest", "fee", "advisory_fee", "adjustment",
)  # fmt: skip
FLOW_KINDS = (*TRANSFER_KINDS, *INCOME_KINDS)
HALF_A_CENT = "0.005"


def _or_zero(value: Column) -> Column:
    return F.coalesce(value, F.lit(0).cast(MONEY)).cast(MONEY)


def own_assets() -> Column:
    """Net assets without positions: cash + in transit + receivable - all that is owed."""
    owned = F.col("cash") + F.col("in_transit") + F.col("receivable")
    return (owned - F.col("financing_principal") - charges_owed()).cast(MONEY)


def charges_owed() -> Column:
    """What the day itself can add to debt: interest, fees, and the price of securities sold short."""
    return (F.col("interest_and_fees_owed") + F.col("short_market_value")).cast(MONEY)


def value_at_close(quantity: Column, close: Column, fallback_price: Column) -> Column:
    """Market value (cents) of `quantity` by `close`, a struct of quantity, price and market_value.

    The delivered market value is taken where it is quantity x price by either way of rounding half a cent. Without
    a row at close the last price known counts, so that a holding that vanishes is missed.
    """
    exact = quantity.cast(MONEY) * F.coalesce(close["price"], fallback_price)
    is_delivered = (quantity == close["quantity"]) & (
        F.abs(close["market_value"] - exact) <= F.lit(HALF_A_CENT).cast(MONEY)
    )
    return _or_zero(F.when(is_delivered, close["market_value"]).otherwise(F.round(exact, 2)))


def product_results(parts: DataFrame, base_currency: str) -> DataFrame:
    """Per account, product and night: currency, market_value, value_before, product_profit, securities_in (CNY).

    `parts` holds closes (`close`), levels of the night before (`level`, the smallest `_version` counts) and changes
    (`quantity_change`, `cash_change`, `value_change`, `price`).
    """
    summed = grouped(parts, ["account_id", "product_id", NIGHT]).agg(
        F.max("close").alias("close"),
        F.min_by("level", "_version").alias("level"),
        F.max("price").alias("trade_price"),
        F.coalesce(F.max("currency"), F.lit(base_currency)).alias("currency"),
        *[_or_zero(F.sum(name)).alias(name) for name in ("quantity_change", "cash_change", "value_change")],
    )
    quantity = _or_zero(F.col("level.quantity")) + F.col("quantity_change")
    moved_price = F.try_divide(F.col("value_change"), F.col("quantity_change"))
    last_price = F.coalesce("level.price", "trade_price", moved_price).cast("decimal(18,6)")
    value = value_at_close(quantity.cast(MONEY), F.col("close"), last_price)
    before = _or_zero(F.col("level.market_value"))
    profit = value - before + F.col("cash_change") - F.col("value_change")
    return summed.select(
        "account_id",
        "currency",
        NIGHT,
        _or_zero(F.col("close.market_value")).alias("market_value"),
        before.alias("value_before"),
        profit.cast(MONEY).alias("profit"),
        F.col("value_change").alias("securities_in"),
    )


def flow_results(flows: DataFrame) -> DataFrame:
    """Per changed flow: cash_in for bank transfers, profit for income and charges (`amount` x `_effect`, CNY)."""
    amount = (F.col("amount") * F.col("_effect")).cast(MONEY)
    is_transfer = F.col("kind").isin(*TRANSFER_KINDS)
    return flows.select(
        "account_id",
        "currency",
        NIGHT,
        F.when(is_transfer, amount).alias("cash_in"),
        F.when(~is_transfer, amount).alias("profit"),
    )
