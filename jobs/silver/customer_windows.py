"""silver.customer_windows: one row per one_id of a customer and as_of_date, with every window gold needs.

Every customer known by the date has a row, without activity too. Averages divide by the trading days of the window,
never by rows. Days of a device count for the person it is attached to on the as-of date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.methods import folds, windows
from jobs.methods import window_plan as plan
from jobs.methods.day_series import ASKED, SERIES, columns_of, series_histories
from jobs.methods.month_ends import month_number, recent_month_ends
from jobs.methods.tiers import best_average
from jobs.methods.trading_days import add_night_number

PERSON = ("one_id", "as_of_date")
PARTY = ("party_kind", "party_id", "as_of_date")
BAND = (*PARTY, "band")
OUTFLOW_DAYS = 20
WEEKS = {f"_inflow_{start}": start for start in windows.BAND_STARTS if start < OUTFLOW_DAYS}
"""Columns with the net inflow of each of these days' weeks, and the band of it."""


@dataclass(frozen=True)
class Params:
    """Attributes:
    effective_average_net_assets: 20-trading-day average from which an account is effective, CNY.
    definition_version: version of the thresholds, stamped on every row.
    """

    effective_average_net_assets: int
    definition_version: str


def add_back(party_days: DataFrame, calendar: DataFrame) -> DataFrame:
    """Rows of the last 250 trading days with `back`, the trading days between the row's night and the as-of date."""
    dated = add_night_number(party_days, calendar, "effective_date", "_night")
    dated = add_night_number(dated, calendar, "as_of_date", "_as_of_night")
    dated = dated.withColumn("back", F.col("_as_of_night") - F.col("_night"))
    inside = dated.where((F.col("back") >= 0) & (F.col("back") < windows.LAST_DAY))
    return inside.withColumn("band", windows.band_of(F.col("back")))


def value_of(measure: str) -> Column:
    """A measure as a whole number: counts as they are, money in ten-thousandths of a yuan."""
    return windows.to_units(F.col(measure)) if measure in plan.MONEY else F.col(measure)


def band_sums(days: DataFrame, measures: Sequence[str]) -> DataFrame:
    """One row per party, as-of date and band: sums of what only some days have, over these days."""
    in_30_days = F.col("effective_date") > F.date_sub("as_of_date", 30)
    columns = {
        **{name: value_of(name) for name in measures},
        **{f"{name}_by_back": value_of(name) * F.col("back") for name in plan.SLOPES if name in measures},
        **{f"{name}_30d": F.when(in_30_days, F.col(name)) for name in plan.NATURAL_DAY_COUNTS if name in measures},
    }
    return windows.sums(days.where(any_of(measures)), BAND, columns)


def any_of(measures: Sequence[str]) -> Column:
    """True where one of the measures is not 0."""
    return folds.any_of([F.col(name) != 0 for name in measures])


def net_inflow() -> Column:
    """Money and securities that came in, less what went out, in ten-thousandths of a yuan; 0 where nothing moved."""
    bank_in, securities_in, bank_out, securities_out = [F.coalesce(F.col(name), F.lit(0)) for name in plan.INFLOW]
    return bank_in + securities_in - bank_out - securities_out


def sum_windows(days: DataFrame, people: DataFrame, measures: Sequence[str]) -> DataFrame:
    """One row per person and as-of date: `measures` over their windows (money in ten-thousandths), and slopes."""
    values = {name: F.col(name) for name in plan.WINDOWS if name in measures}
    found: dict[str, Column] = {}
    if set(plan.INFLOW) <= set(measures):
        values["net_inflow_amount"] = net_inflow()
        found |= {name: F.sum(F.when(F.col("band") == start, net_inflow())) for name, start in WEEKS.items()}
    for name, value in values.items():
        found |= {f"{name}_{n}td": windows.window_sum(value, n) for n in plan.WINDOWS[name]}
    found |= {f"{name}_30d": F.sum(f"{name}_30d") for name in plan.NATURAL_DAY_COUNTS if name in measures}
    for name in [name for name in plan.SLOPES if name in measures]:
        back_weighted = F.col(f"{name}_by_back")
        found |= {f"_{name}_sum_{n}td": windows.window_sum(F.col(name), n) for n in plan.SLOPES[name]}
        found |= {f"_{name}_by_back_{n}td": windows.window_sum(back_weighted, n) for n in plan.SLOPES[name]}
    mapped = band_sums(days, measures).join(people, on=list(PARTY), how="inner")
    return mapped.groupBy(*PERSON).agg(*[column.alias(name) for name, column in found.items()])


def first_as_of_dates(people: DataFrame, calendar: DataFrame) -> DataFrame:
    """One row per night: the first as-of date of the run that knows what it delivered."""
    dates = people.select("as_of_date").distinct()
    later = calendar.join(F.broadcast(dates), on=F.col("as_of_date") >= F.col("natural_date"), how="inner")
    return later.groupBy(F.col("natural_date").alias("_delivered_on")).agg(F.min("as_of_date").alias("_first"))


def owners_of(people: DataFrame, calendar: DataFrame) -> DataFrame:
    """One row per party, person and unbroken run of as-of dates, `_since` to `_until` (nights by number), on which the
    party is this person's.
    """
    asked = add_night_number(people, calendar, "as_of_date", "_as_of_night")
    every = asked.select("_as_of_night").distinct()
    placed = every.withColumn("_place", F.row_number().over(Window.orderBy("_as_of_night")))
    in_order = Window.partitionBy(*PARTY[:2], "one_id").orderBy("_as_of_night")
    runs = asked.join(F.broadcast(placed), on="_as_of_night", how="inner").withColumn(
        "_run", F.col("_place") - F.row_number().over(in_order)
    )
    found = runs.groupBy(*PARTY[:2], "one_id", "_run")
    return found.agg(F.min("_as_of_night").alias("_since"), F.max("_as_of_night").alias("_until")).drop("_run")


def told_once(days: DataFrame, people: DataFrame, calendar: DataFrame) -> DataFrame:
    """Changes of the measures of `plan.DAILY` with the columns of `SERIES` (but the owner's).

    A row is taken with the first as-of date that knows it; each later one finds it in the person's series.
    """
    told = days.where(any_of(plan.DAILY.measures))
    once = told.join(F.broadcast(first_as_of_dates(people, calendar)), on="_delivered_on", how="inner")
    dated = add_night_number(once.where(F.col("as_of_date") == F.col("_first")), calendar, "_delivered_on", "_known")
    at = {"_day": F.unix_date("effective_date"), "_month": month_number(F.col("effective_date"))}
    return dated.select(
        *PARTY[:2],
        "_night",
        "_known",
        *[column.alias(name) for name, column in at.items()],
        *[value_of(name).alias(name) for name in plan.DAILY.measures],
    )


def day_numbers(days: DataFrame, people: DataFrame, calendar: DataFrame) -> DataFrame:
    """One row per person and as-of date: what `plan.DAILY` wants of the person's days."""
    wanted = plan.DAILY
    changes = told_once(days, people, calendar).join(
        F.broadcast(owners_of(people, calendar)), on=list(PARTY[:2]), how="inner"
    )
    series = changes.groupBy("one_id").agg(F.collect_list(F.struct(*SERIES, *wanted.measures)).alias("_series"))
    asked = add_night_number(people.select(*PERSON).distinct(), calendar, "as_of_date", "_as_of_night")
    at = {"_as_of_day": F.unix_date("as_of_date"), "_as_of_month": month_number(F.col("as_of_date"))}
    nights = asked.withColumns(at).groupBy("one_id").agg(F.collect_list(F.struct(*ASKED)).alias("_asked"))
    arrays = columns_of("_series", *SERIES, *wanted.measures) + columns_of("_asked", *ASKED)
    histories_of = series_histories(wanted)
    found = series.join(nights, on="one_id", how="inner").select("one_id", F.explode(histories_of(*arrays)).alias("_h"))
    names = {"night": "_as_of_night", "peak_sum": "peak_sum", "max_drawdown": "max_drawdown_ratio_250td"}
    names["month_sums"] = "_month_sums"
    numbers = [F.col("_h.numbers")[at].alias(name) for at, name in enumerate(wanted.numbers)]
    history = found.select("one_id", *[F.col(f"_h.{field}").alias(name) for field, name in names.items()], *numbers)
    return asked.join(history, on=["one_id", "_as_of_night"], how="inner").drop("_as_of_night")


def lake_starts(days: DataFrame) -> DataFrame:
    """One row per as-of date: `_known_from`, the trading days back to the first day with net assets or a trade."""
    told = days.where((F.col("net_assets_amount") != 0) | (F.col("trade_count") != 0))
    return told.groupBy("as_of_date").agg(F.max("back").alias("_known_from"))


def histories(accounts: DataFrame, lake: DataFrame, people: DataFrame, calendar: DataFrame) -> DataFrame:
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
    dated = opened.join(F.broadcast(lake), on="as_of_date", how="left")
    back = F.least(F.col("_as_of_night") - F.col("_opened_night"), F.col("_known_from"))
    days = F.when(F.col("_known_from").isNull(), F.lit(0)).otherwise(F.greatest(back + 1, F.lit(0)))
    return dated.select(*PERSON, days.cast("int").alias("history_trading_days"))


def fill(rows: DataFrame) -> DataFrame:
    """`rows` with money as decimals and zeros where nothing happened; what may be unknown stays null."""
    nullable = {*PERSON, "max_drawdown_ratio_250td", "peak_sum", "_month_days", "_ends", "_month_sums"}
    nullable |= {f"trading_days_since_last_{name}" for name in plan.RECENCY}
    amounts = {f"{name}_{n}td" for name, lengths in plan.WINDOWS.items() if name in plan.MONEY for n in lengths}
    amounts |= {*plan.LEVELS, *[f"net_assets_amount_{ago}td_ago" for ago in plan.LEVEL_AGO]}

    def filled(name: str, type_: str) -> Column:
        zero = F.coalesce(F.col(name), F.lit(0)).cast(type_)
        return F.col(name) if name in nullable else windows.to_money(zero) if name in amounts else zero

    return rows.select(*[filled(name, type_).alias(name) for name, type_ in rows.dtypes])


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
    outflows = folds.total_of([(F.col(name) < 0).cast("bigint") for name in WEEKS])
    stamped = {
        f"outflow_weeks_{OUTFLOW_DAYS}td": outflows,
        "is_effective": effective,
        "definition_version": F.lit(params.definition_version),
    }
    return fill(rows).withColumns({**averages(), **month_averages(), **shares(), **stamped})


def build(
    *, party_days: DataFrame, identity_map: DataFrame, accounts: DataFrame, calendar: DataFrame, params: Params
) -> DataFrame:
    """The windows of every customer known, for the as-of dates of the run."""
    people = identity_map.where(F.col("identifier_kind").isin("customer", "device")).select(
        F.col("identifier_kind").alias("party_kind"), F.col("identifier").alias("party_id"), "as_of_date", "one_id"
    )
    days = add_back(party_days, calendar)
    parts = [
        histories(accounts, lake_starts(days), people, calendar),
        *[sum_windows(days, people, measures) for measures in plan.SPARSE],
        day_numbers(days, people, calendar),
    ]
    customers = people.where(F.col("party_kind") == "customer").select(*PERSON).distinct()
    rows = reduce(lambda left, right: left.join(right, on=list(PERSON), how="left"), parts, customers)
    month_ends = F.broadcast(recent_month_ends(calendar, plan.MONTH_ENDS))
    return finish(rows.join(month_ends, on="as_of_date", how="left"), params)
