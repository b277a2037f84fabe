"""silver.customer_windows: one row per one_id of a customer and as_of_date, with every window gold needs.

Every customer known by the date has a row, without activity too. Averages divide by the trading days of the window,
never by rows. Days of a device count for the person it is attached to on the as-of date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.methods import folds, windows
from jobs.methods import window_plan as plan
from jobs.methods.day_series import ASKED, ID, PLACE, TOLD, window_numbers
from jobs.methods.month_ends import month_number, recent_month_ends
from jobs.methods.tiers import best_average
from jobs.methods.trading_days import add_night_number

PERSON = ("one_id", "as_of_date")
PARTY = ("party_kind", "party_id")


@dataclass(frozen=True)
class Params:
    """Attributes:
    effective_average_net_assets: 20-trading-day average from which an account is effective, CNY.
    definition_version: version of the thresholds, stamped on every row.
    """

    effective_average_net_assets: int
    definition_version: str


def value_of(measure: str) -> Column:
    """A measure as a whole number: counts as they are, money in ten-thousandths of a yuan."""
    if measure == "net_inflow_amount":
        bank_in, securities_in, bank_out, securities_out = [value_of(name) for name in plan.INFLOW]
        return bank_in + securities_in - bank_out - securities_out
    return windows.to_units(F.col(measure)) if measure in plan.MONEY else F.col(measure)


def family_of(measures: Sequence[str]) -> Column:
    """The measures as an array, null where none of them says anything: a null array costs as little as one number."""
    told = folds.any_of([F.col(name) != 0 for name in measures if name != "net_inflow_amount"])
    return F.when(told, F.array(*[value_of(name) for name in measures]))


def owners_of(people: DataFrame, calendar: DataFrame) -> DataFrame:
    """One row per party, person and unbroken run of as-of dates, `_since` to `_until` (nights by number), on which the
    party is this person's.
    """
    asked = add_night_number(people, calendar, "as_of_date", "_as_of_night")
    every = asked.select("_as_of_night").distinct()
    placed = every.withColumn("_place", F.row_number().over(Window.orderBy("_as_of_night")))
    in_order = Window.partitionBy(*PARTY, "one_id").orderBy("_as_of_night")
    runs = asked.join(F.broadcast(placed), on="_as_of_night", how="inner").withColumn(
        "_run", F.col("_place") - F.row_number().over(in_order)
    )
    found = runs.groupBy(*PARTY, "one_id", "_run")
    return found.agg(F.min("_as_of_night").alias("_since"), F.max("_as_of_night").alias("_until")).drop("_run")


def add_nights(rows: DataFrame, calendar: DataFrame) -> DataFrame:
    """`rows` with the night of their day and the night that told them, by number."""
    dated = add_night_number(rows, calendar, "effective_date", "_night")
    return add_night_number(dated, calendar, "_delivered_on", "_known")


def lake_starts(party_days: DataFrame, asked: DataFrame, calendar: DataFrame) -> DataFrame:
    """One row per as-of date: `_known_from`, the trading days back to the first day with net assets or a trade."""
    held = party_days.where((F.col("net_assets_amount") != 0) | (F.col("trade_count") != 0))
    days = held.groupBy("effective_date").agg(F.min("_delivered_on").alias("_delivered_on"))
    dates = asked.select("as_of_date", "_as_of_night").distinct()
    back = F.col("_as_of_night") - F.col("_night")
    known = (F.col("_known") <= F.col("_as_of_night")) & (back >= 0) & (back < plan.LAST_DAY)
    joined = dates.join(F.broadcast(add_nights(days, calendar)), on=known, how="inner")
    return joined.groupBy("as_of_date").agg(F.max(back).alias("_known_from"))


def sum_days(party_days: DataFrame, people: DataFrame, asked: DataFrame, calendar: DataFrame) -> DataFrame:
    """One row per person and as-of date asked for: what `plan.DAYS` wants of the person's days."""
    families = [family_of(measures).alias(name) for name, measures in plan.FAMILIES.items()]
    # Narrow before it is joined: each join would copy sixty columns.
    told = add_nights(party_days.select(*PARTY, "effective_date", "_delivered_on", *families), calendar)
    at = {"_day": F.unix_date("effective_date"), "_month": month_number(F.col("effective_date"))}
    changes = told.join(F.broadcast(owners_of(people, calendar)), on=list(PARTY), how="inner").withColumns(at)
    dates = {"_as_of_day": F.unix_date("as_of_date"), "_as_of_month": month_number(F.col("as_of_date"))}
    questions = asked.withColumns(dates).select(ID, *ASKED)
    both = changes.select(ID, *TOLD, *plan.FAMILIES).unionByName(questions, allowMissingColumns=True)
    in_order = both.withColumn(PLACE, F.xxhash64(ID)).repartition(PLACE).sortWithinPartitions(PLACE)
    numbers = in_order.mapInArrow(window_numbers(plan.DAYS), plan.DAYS.result_type)
    dated = numbers.withColumn("as_of_date", F.date_from_unix_date("_as_of_day")).drop("_as_of_day")
    return dated.withColumnsRenamed({"max_drawdown": "max_drawdown_ratio_250td", "month_sums": "_month_sums"})


def histories(accounts: DataFrame, starts: DataFrame, people: DataFrame, calendar: DataFrame) -> DataFrame:
    """One row per person with an account and as-of date: `history_trading_days`, 250 at most."""
    owners = people.where(F.col("party_kind") == "customer").select(
        F.col("party_id").alias("customer_no"), "as_of_date", "one_id"
    )
    opened = (
        accounts.join(owners, on=["customer_no", "as_of_date"], how="inner")
        .groupBy(*PERSON)
        .agg(F.min("opened_on").alias("_opened_on"))
    )
    opened = add_night_number(opened, calendar, "_opened_on", "_opened_night")
    opened = add_night_number(opened, calendar, "as_of_date", "_as_of_night")
    dated = opened.join(F.broadcast(starts), on="as_of_date", how="left")
    back = F.least(F.col("_as_of_night") - F.col("_opened_night"), F.col("_known_from"))
    days = F.when(F.col("_known_from").isNull(), F.lit(0)).otherwise(F.greatest(back + 1, F.lit(0)))
    return dated.select(*PERSON, days.cast("int").alias("history_trading_days"))


def if_history(value: Column, more_than: int | Column = 0) -> Column:
    """`value` where the history is longer than `more_than` trading days, else null."""
    return F.when(F.col("history_trading_days") > more_than, value)


def averages() -> dict[str, Column]:
    """Averages, levels of former days and slopes; null on too short a history."""
    found = {
        f"average_net_assets_amount_{n}td": if_history(windows.to_money(F.col(f"_net_assets_amount_sum_{n}td"), n))
        for n in plan.AVERAGE_WINDOWS
    }
    for ago in plan.LEVEL_AGO:
        found[f"net_assets_amount_{ago}td_ago"] = if_history(F.col(f"net_assets_amount_{ago}td_ago"), ago)
    for name, lengths in plan.SLOPES.items():
        units = windows.UNITS if name in plan.MONEY else 1
        for n in lengths:
            slope = windows.slope(F.col(f"_{name}_sum_{n}td"), F.col(f"_{name}_by_back_{n}td"), n) / units
            found[f"{plan.SLOPE_NAMES[name]}_slope_{n}td"] = if_history(slope, n - 1)
    peak = windows.to_money(F.coalesce(F.col("peak_sum"), F.lit(0)), plan.MEAN_DAYS)
    found["peak_average_net_assets_amount_250td"] = if_history(peak)
    return found


def month_averages() -> dict[str, Column]:
    """Average of the running month, the best of it and the last month ends, and how many of these are known."""
    running = if_history(windows.month_mean(F.coalesce(F.get("_month_sums", F.lit(0)), F.lit(0)), F.col("_month_days")))
    ended = []
    for ago in range(plan.MONTH_ENDS):
        end, total = F.get("_ends", F.lit(ago)), F.get("_month_sums", F.col("_months_ago") + ago)
        ended.append(if_history(windows.month_mean(F.coalesce(total, F.lit(0)), end["days"]), end["back"]))
    best = {
        f"best_month_average_net_assets_amount_{n}m": best_average(running, ended[:n]) for n in plan.MONTH_END_WINDOWS
    }
    known = folds.total_of([end.isNotNull().cast("int") for end in ended])
    return {"month_average_net_assets_amount": running, **best, "history_month_ends": known}


def shares() -> dict[str, Column]:
    """Shares of gross assets, and entropies of assets, trades and hours."""
    gross = [F.col(name) for name in plan.GROSS_ASSETS.values()]
    found = {ratio: windows.share(F.col(name), gross) for ratio, name in plan.GROSS_ASSETS.items()}
    found["asset_entropy"] = windows.entropy(gross)
    for n in (60, 250):
        traded = [F.col(f"{name}_{n}td") for name in plan.TRADE_GROUPS]
        found[f"product_group_entropy_{n}td"] = windows.entropy(traded)
    found["hour_entropy_60td"] = windows.entropy([F.col(f"{name}_60td") for name in plan.HOUR_BANDS])
    return found


def finish(rows: DataFrame, params: Params) -> DataFrame:
    """Everything derived from sums: averages, slopes, shares, entropies, effectiveness."""
    threshold = params.effective_average_net_assets * plan.MEAN_DAYS * windows.UNITS
    has_assets = F.col("_net_assets_amount_sum_20td") >= F.lit(threshold).cast("bigint")
    effective = has_assets | (F.col("commission_amount_60td") > 0)
    outflows = folds.total_of([(F.col(name) < 0).cast("bigint") for name in plan.WEEKS])
    stamped = {
        f"outflow_weeks_{plan.OUTFLOW_DAYS}td": outflows,
        "is_effective": effective,
        "definition_version": F.lit(params.definition_version),
    }
    known = rows.fillna(0, subset=["history_trading_days"])
    return known.withColumns({**averages(), **month_averages(), **shares(), **stamped})


def build(
    *, party_days: DataFrame, identity_map: DataFrame, accounts: DataFrame, calendar: DataFrame, params: Params
) -> DataFrame:
    """The windows of every customer known, for the as-of dates of the run.

    `party_days` holds each row once, whatever as-of dates it counts for.
    """
    people = identity_map.where(F.col("identifier_kind").isin("customer", "device")).select(
        F.col("identifier_kind").alias("party_kind"), F.col("identifier").alias("party_id"), "as_of_date", "one_id"
    )
    customers = people.where(F.col("party_kind") == "customer").select(*PERSON).distinct()
    asked = add_night_number(customers, calendar, "as_of_date", "_as_of_night")
    known = histories(accounts, lake_starts(party_days, asked, calendar), people, calendar)
    rows = sum_days(party_days, people, asked, calendar).join(known, on=list(PERSON), how="left")
    month_ends = F.broadcast(recent_month_ends(calendar, plan.MONTH_ENDS))
    return finish(rows.join(month_ends, on="as_of_date", how="left"), params)
