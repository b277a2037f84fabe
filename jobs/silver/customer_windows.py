"""silver.customer_windows: one row per one_id of a customer and as_of_date, with every window gold needs.

Every customer known by the date has a row, without activity too. Averages divide by the trading days of the window,
never by rows. Days of a device count for the person it is attached to on the as-of date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.methods import folds, windows
from jobs.methods import window_plan as plan
from jobs.methods.level_history import columns_of, level_histories
from jobs.methods.month_ends import month_number, recent_month_ends
from jobs.methods.tiers import best_average
from jobs.methods.trading_days import add_night_number

PERSON = ("one_id", "as_of_date")
PARTY = ("party_kind", "party_id", "as_of_date")
BAND = (*PARTY, "band")
MEAN_DAYS = 20
OUTFLOW_DAYS = 20


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


def dense_sums(days: DataFrame) -> DataFrame:
    """One row per party, as-of date and band: sums of levels and profit, which nearly every day has."""
    level, back = value_of("net_assets_amount"), F.col("back")
    in_month = F.col("effective_date") >= F.trunc("as_of_date", "month")
    columns = {
        **{name: value_of(name) for name in plan.DENSE},
        "net_assets_amount_by_back": level * back,
        "month_net_assets_amount": F.when(in_month, level),
        **{f"{name}_now": F.when(back == 0, value_of(name)) for name in plan.LEVELS},
        **{f"net_assets_amount_{ago}td_ago": F.when(back == ago, level) for ago in plan.LEVEL_AGO},
    }
    held = days.where(any_of(plan.DENSE + plan.LEVELS))
    return windows.sums(held, BAND, columns)


def sparse_sums(days: DataFrame, measures: Sequence[str]) -> DataFrame:
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


def party_bands(days: DataFrame) -> DataFrame:
    """One row per party, as-of date, band and family of measures: their sums, so that few rows meet the people."""
    return folds.union_by_name([dense_sums(days), *[sparse_sums(days, measures) for measures in plan.SPARSE]])


def net_inflow() -> Column:
    """Money and securities that came in, less what went out, in ten-thousandths of a yuan; 0 where nothing moved."""
    names = ("bank_in_amount", "securities_in_amount", "bank_out_amount", "securities_out_amount")
    bank_in, securities_in, bank_out, securities_out = [F.coalesce(F.col(name), F.lit(0)) for name in names]
    return bank_in + securities_in - bank_out - securities_out


def sum_windows(bands: DataFrame, people: DataFrame) -> DataFrame:
    """One row per person and as-of date: measures over their windows (money in ten-thousandths), levels, slopes."""
    values = {name: F.col(name) for name in plan.WINDOWS} | {"net_inflow_amount": net_inflow()}
    found = {
        f"{name}_{days}td": windows.window_sum(values[name], days)
        for name, lengths in plan.WINDOWS.items()
        for days in lengths
    }
    found |= {name: F.sum(f"{name}_now") for name in plan.LEVELS}
    found |= {f"net_assets_amount_{ago}td_ago": F.sum(f"net_assets_amount_{ago}td_ago") for ago in plan.LEVEL_AGO}
    net_assets = F.col("net_assets_amount")
    found |= {f"_net_assets_sum_{n}td": windows.window_sum(net_assets, n) for n in plan.AVERAGE_WINDOWS}
    found |= {f"{name}_30d": F.sum(f"{name}_30d") for name in plan.NATURAL_DAY_COUNTS}
    for name, lengths in plan.SLOPES.items():
        for days in lengths:
            found[f"_{name}_sum_{days}td"] = windows.window_sum(F.col(name), days)
            found[f"_{name}_by_back_{days}td"] = windows.window_sum(F.col(f"{name}_by_back"), days)
    weeks = {f"_inflow_{start}": start for start in windows.BAND_STARTS if start < OUTFLOW_DAYS}
    found |= {name: F.sum(F.when(F.col("band") == start, net_inflow())) for name, start in weeks.items()}
    found["_month_sum"] = F.sum("month_net_assets_amount")
    mapped = bands.join(people, on=list(PARTY), how="inner")
    summed = mapped.groupBy(*PERSON).agg(*[column.alias(name) for name, column in found.items()])
    outflows = folds.total_of([F.when(F.col(name) < 0, F.lit(1)).otherwise(F.lit(0)) for name in weeks])
    return summed.withColumn(f"outflow_weeks_{OUTFLOW_DAYS}td", outflows.cast("bigint")).drop(*weeks)


def count_days(days: DataFrame, people: DataFrame) -> DataFrame:
    """One row per person and as-of date: active natural days, trading days with activity, days since the last."""
    by_date = [*PERSON, "effective_date", "back"]
    mapped = days.where(any_of(plan.ACTIVITY)).join(people, on=list(PARTY), how="inner")
    mapped = mapped.select(*by_date, *plan.ACTIVITY).repartition(*PERSON)
    dated = windows.sums(mapped, by_date, {name: value_of(name) for name in plan.ACTIVITY})
    recent = F.col("effective_date") > F.date_sub("as_of_date", 30)
    seen = recent & ((F.col("login_count") > 0) | (F.col("event_count") > 0))
    by_night = dated.groupBy(*PERSON, "back").agg(
        *[F.sum(name).alias(name) for name in plan.ACTIVITY], F.count_if(seen).alias("_seen")
    )

    def days_with(measure: str, length: int) -> Column:
        return F.count_if((F.col(measure) > 0) & (F.col("back") < length))

    redeemed = F.collect_list(F.when(F.col("money_fund_redeem_amount") > 0, F.col("back")))
    return by_night.groupBy(*PERSON).agg(
        F.sum("_seen").alias("active_days_30d"),
        *[days_with("trade_count", n).alias(f"trading_days_with_trades_{n}td") for n in plan.AVERAGE_WINDOWS],
        *[days_with("login_count", n).alias(f"trading_days_with_logins_{n}td") for n in (20, 60)],
        days_with("money_fund_redeem_amount", 20).alias("trading_days_with_money_fund_redemptions_20td"),
        windows.streak(redeemed).alias("money_fund_redemption_streak_days"),
        *[
            F.min(F.when(F.col(measure) > 0, F.col("back"))).cast("bigint").alias(f"trading_days_since_last_{name}")
            for name, measure in plan.RECENCY.items()
        ],
    )


def first_as_of_dates(people: DataFrame, calendar: DataFrame) -> DataFrame:
    """One row per night: the first as-of date of the run that knows what it delivered."""
    dates = people.select("as_of_date").distinct()
    later = calendar.join(F.broadcast(dates), on=F.col("as_of_date") >= F.col("natural_date"), how="inner")
    return later.groupBy(F.col("natural_date").alias("_delivered_on")).agg(F.min("as_of_date").alias("_first"))


def peaks(days: DataFrame, people: DataFrame, calendar: DataFrame) -> DataFrame:
    """One row per person and as-of date: peak 20-trading-day mean and drawdown of net assets in 250 trading days, and
    their sums over the as-of date's month and those before it (`_month_sums`).

    A row is taken once, with the first as-of date that knows it; each later one finds it in the person's series.
    """
    held = days.where((F.col("net_assets_amount") != 0) & (F.col("party_kind") == "customer"))
    once = held.join(F.broadcast(first_as_of_dates(people, calendar)), on="_delivered_on", how="inner")
    once = once.where(F.col("as_of_date") == F.col("_first"))
    dated = add_night_number(once, calendar, "_delivered_on", "_known")
    owners = people.where(F.col("party_kind") == "customer")
    level, month = value_of("net_assets_amount").alias("_level"), month_number(F.col("effective_date")).alias("_month")
    changes = dated.join(F.broadcast(owners), on=list(PARTY), how="inner")
    series = changes.groupBy("one_id").agg(F.collect_list(F.struct("_night", month, "_known", level)).alias("_series"))
    asked = add_night_number(owners.select(*PERSON).distinct(), calendar, "as_of_date", "_as_of_night")
    asked_in = month_number(F.col("as_of_date")).alias("_month")
    nights = asked.groupBy("one_id").agg(F.collect_list(F.struct("_as_of_night", asked_in)).alias("_nights"))
    history_of = level_histories(windows.LAST_DAY, MEAN_DAYS, plan.MONTH_ENDS + 1)
    arrays = columns_of("_series", "_night", "_month", "_known", "_level")
    arrays += columns_of("_nights", "_as_of_night", "_month")
    found = series.join(nights, on="one_id", how="inner").select("one_id", F.explode(history_of(*arrays)).alias("_h"))
    names = {"night": "_as_of_night", "peak_sum": "peak_sum", "max_drawdown": "max_drawdown_ratio_250td"}
    names["month_sums"] = "_month_sums"
    history = found.select("one_id", *[F.col(f"_h.{field}").alias(name) for field, name in names.items()])
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
        f"average_net_assets_amount_{n}td": if_history(windows.to_money(F.col(f"_net_assets_sum_{n}td"), n))
        for n in plan.AVERAGE_WINDOWS
    }
    for ago in plan.LEVEL_AGO:
        found[f"net_assets_amount_{ago}td_ago"] = if_history(F.col(f"net_assets_amount_{ago}td_ago"), ago)
    for name, lengths in plan.SLOPES.items():
        units = windows.UNITS if name in plan.MONEY else 1
        for n in lengths:
            slope = windows.slope(F.col(f"_{name}_sum_{n}td"), F.col(f"_{name}_by_back_{n}td"), n) / units
            found[f"{plan.SLOPE_NAMES[name]}_slope_{n}td"] = if_history(slope, n - 1)
    peak = windows.to_money(F.coalesce(F.col("peak_sum"), F.lit(0)), MEAN_DAYS)
    found["peak_average_net_assets_amount_250td"] = if_history(peak)
    return found


def month_averages() -> dict[str, Column]:
    """Average of the running month, the best of it and the last month ends, and how many of these are known."""
    running = if_history(windows.month_mean(F.col("_month_sum"), F.col("_month_days")))
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
    threshold = params.effective_average_net_assets * MEAN_DAYS * windows.UNITS
    has_assets = F.col("_net_assets_sum_20td") >= F.lit(threshold).cast("bigint")
    effective = has_assets | (F.col("commission_amount_60td") > 0)
    stamped = {"is_effective": effective, "definition_version": F.lit(params.definition_version)}
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
        sum_windows(party_bands(days), people),
        count_days(days, people),
        peaks(days, people, calendar),
    ]
    customers = people.where(F.col("party_kind") == "customer").select(*PERSON).distinct()
    rows = reduce(lambda left, right: left.join(right, on=list(PERSON), how="left"), parts, customers)
    month_ends = F.broadcast(recent_month_ends(calendar, plan.MONTH_ENDS))
    return finish(rows.join(month_ends, on="as_of_date", how="left"), params)
