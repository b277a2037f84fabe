"""silver.positions: one row per account_id, product_id and position_date (and delivery of it), at close.

`quantity_break` proves each quantity: quantity - (quantity of the trading date before + executions and movements
delivered this night), to the last digit. Holdings are delivered daily until the day they become 0, so a holding
missing the night before was 0. The first date of a lake has nothing before it (opening balances): its break is null,
as is that of a late row.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.methods import delivered_fields as fields
from jobs.methods.account_owners import add_customer, add_product_line, unknown_account
from jobs.methods.closing_levels import NIGHT, NIGHT_BEFORE, grouped, levels_before, nights_of, on_time
from jobs.methods.holdings import HOLDING, movement_changes, trade_changes
from jobs.methods.trading_costs import MONEY
from jobs.methods.verdicts import Rule, judge, mark_repeats


@dataclass(frozen=True)
class Params:
    """No values: positions carry dates only."""


def position_fields() -> list[fields.Field]:
    """The feed's columns."""
    return [
        fields.text("account_id"),
        fields.text("product_id"),
        fields.day("position_date"),
        fields.number("quantity"),
        fields.number("sellable_quantity"),
        fields.number("cost_amount"),
        fields.number("price", scale=6),
        fields.text("currency"),
        fields.number("market_value"),
    ]


def explain_quantities(before: DataFrame, changes: DataFrame) -> DataFrame:
    """One row per account, product and night: explained_quantity, yesterday's plus the changes of the night."""
    none = F.lit(None)
    parts = before.select(*HOLDING, NIGHT, "quantity", "_version", none.cast(MONEY).alias("quantity_change"))
    parts = parts.unionByName(changes.select(*HOLDING, NIGHT, "quantity_change"), allowMissingColumns=True)
    yesterday = F.coalesce(F.min_by("quantity", "_version"), F.lit(0).cast(MONEY))
    changed = F.coalesce(F.sum("quantity_change"), F.lit(0).cast(MONEY))
    return grouped(parts, [*HOLDING, NIGHT]).agg((yesterday + changed).cast(MONEY).alias("explained_quantity"))


def add_breaks(rows: DataFrame, explained: DataFrame, nights: DataFrame) -> DataFrame:
    """`rows` with quantity_break, null where the row is late or the lake has no night before."""
    joined = rows.join(F.broadcast(nights.select(NIGHT, NIGHT_BEFORE)), on=NIGHT, how="left").join(
        explained, on=[*HOLDING, NIGHT], how="left"
    )
    unexplained = F.col("quantity") - F.coalesce(F.col("explained_quantity"), F.lit(0).cast(MONEY))
    is_checked = on_time("position_date") & F.col(NIGHT_BEFORE).isNotNull()
    return joined.withColumn("quantity_break", F.when(is_checked, unexplained.cast(MONEY)))


def build(
    *,
    positions: DataFrame,
    earlier: DataFrame,
    accounts: DataFrame,
    products: DataFrame,
    previous: DataFrame,
    executions: DataFrame,
    earlier_executions: DataFrame,
    security_movements: DataFrame,
    earlier_security_movements: DataFrame,
    params: Params,
) -> DataFrame:
    """Every delivered position with its verdict and its break, for the nights of the run."""
    columns = position_fields()
    typed = fields.read_fields(positions, columns)
    known = add_product_line(add_customer(typed, accounts), products)
    rules = [*fields.reading_rules(columns), Rule("quantity_negative", F.col("quantity") < 0), unknown_account()]
    judged = fields.drop_texts(judge(known, rules), columns)
    changes = trade_changes(executions, earlier_executions).select(*HOLDING, NIGHT, "quantity_change")
    changes = changes.unionByName(
        movement_changes(security_movements, earlier_security_movements).select(*changes.columns)
    )
    nights = nights_of(positions, previous)
    before = levels_before(judged, previous, nights, date_column="position_date", key=HOLDING, values=["quantity"])
    marked = mark_repeats(judged, key=[*HOLDING, "position_date"], earlier=earlier, is_late=fields.is_late())
    return add_breaks(marked, explain_quantities(before, changes), nights)
