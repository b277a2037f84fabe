"""What trades and movements of a night did to holdings: quantities, cash and value per account and product."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.methods.closing_levels import NIGHT
from jobs.methods.corrections import EFFECT, changes_of_night
from jobs.methods.trading_costs import MONEY, cash_effect, signed_quantity

HOLDING = ["account_id", "product_id"]


def trade_changes(executions: DataFrame, earlier: DataFrame) -> DataFrame:
    """Per execution a night made known or took back: signed quantity_change, cash_change (CNY), price, currency."""
    used = [
        "execution_id", "revision", *HOLDING, "business_kind", "quantity", "price", "currency", "amount",
        "commission", "commission_basis", "exchange_fee", "regulatory_fee", "stamp_duty", "transfer_fee",
        "is_busted", "_business_date", "_sequence", "_withdrawn", NIGHT,
    ]  # fmt: skip
    changes = changes_of_night(
        executions.select(*used), earlier, key=["execution_id"], order=["revision"], counts=~F.col("is_busted")
    )
    return changes.select(
        *HOLDING,
        NIGHT,
        "currency",
        "price",
        (signed_quantity() * F.col(EFFECT)).cast(MONEY).alias("quantity_change"),
        (cash_effect() * F.col(EFFECT)).cast(MONEY).alias("cash_change"),
    )


def movement_changes(movements: DataFrame, earlier: DataFrame) -> DataFrame:
    """Per movement a night made known (or took back): signed quantity_change and value_change (CNY)."""
    used = ["movement_id", *HOLDING, "quantity", "value", "_business_date", "_sequence", "_withdrawn", NIGHT]
    changes = changes_of_night(movements.select(*used), earlier, key=["movement_id"])
    return changes.select(
        *HOLDING,
        NIGHT,
        (F.col("quantity") * F.col(EFFECT)).cast(MONEY).alias("quantity_change"),
        (F.col("value") * F.col(EFFECT)).cast(MONEY).alias("value_change"),
    )
