"""silver.customer_windows: one row per one_id of a customer and as_of_date, with every window gold needs.

Every customer known by the date has a row, without activity too. Averages divide by the trading days of the window,
never by rows. Days of a device count for the person it is attached to on the as-of date.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.methods import window_plan as plan
from jobs.methods import windows
from jobs.methods.trading_days import add_night_number

PERSON = ("one_id", "as_of_date")
MONEY_TYPE = "decimal(18,4)"
MEAN_DAYS = 20


@dataclass(frozen=True)
class Params:
    """Attributes:
    effective_average_net_assets: 20-trading-day average from which an account is effective, CNY.
    definition_version: version of the thresholds, stamped on every row.
    """

    effective_average_net_assets: int
    definition_version: str


def type_of(measure: str) -> str:
    """Type of a sum of `measure`."""
    return MONEY_TYPE if measure in plan.MONEY else "bigint"


def add_back(party_days: DataFrame, calendar: DataFrame) -> DataFrame:
    """Rows of the last 250 trading days with `back`, the trading days between the row's night and the as-of date."""
    dated = add_night_number(party_days, calendar, "effective_date", "_night")
    dated = add_night_number(dated, calendar, "as_of_date", "_as_of_night")
    back = F.col("_as_of_night") - F.col("_night")
    return dated.withColumn("back", back).where((F.col("back") >= 0) & (F.col("back") < windows.LAST_DAY))


def band_columns() -> dict[str, Column]:
    """Columns to sum per band: measures, levels of single days, back-weighted measures, natural-day counts."""
    in_30_days = F.col("effective_date") > F.date_sub("as_of_date", 30)
    in_month = F.col("effective_date") >= F.trunc("as_of_date", "month")
    columns = {name: F.col(name) for name in plan.MEASURES}
    for name in plan.LEVELS:
        columns[f"{name}_now"] = F.when(F.col("back") == 0, F.col(name))
    for ago in plan.LEVEL_AGO:
        columns[f"net_assets_amount_{ago}td_ago"] = F.when(F.col("back") == ago, F.col("net_assets_amount"))
    for name in plan.SLOPES:
        columns[f"{name}_by_back"] = F.col(name) * F.col("back")
    for name in plan.NATURAL_DAY_COUNTS:
        columns[f"{name}_30d"] = F.when(in_30_days, F.col(name))
    columns["month_net_assets_amount"] = F.when(in_month, F.col("net_assets_amount"))
    return columns


def sum_bands(days: DataFrame, people: DataFrame) -> DataFrame:
    """One row per person, as-of date and band; summed per party first, so that few rows meet the identity map."""
    by_party = ["party_kind", "party_id", "as_of_date", "band"]
    columns = band_columns()
    per_party = days.withColumn("band", windows.band_of(F.col("back")))
    has_money = (F.col("net_assets_amount") != 0) | (F.col("trade_count") != 0)
    known_from = F.max(F.when(has_money & (F.col("party_kind") == "customer"), F.col("back")))
    summed = per_party.groupBy(*by_party).agg(
        *[F.sum(column).alias(name) for name, column in columns.items()], known_from.alias("known_from")
    )
    mapped = summed.join(people, on=["party_kind", "party_id", "as_of_date"], how="inner")
    per_person = mapped.groupBy(*PERSON, "band").agg(
        *[F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in columns], F.max("known_from").alias("known_from")
    )
    inflow = F.col("bank_in_amount") + F.col("securities_in_amount")
    outflow = F.col("bank_out_amount") + F.col("securities_out_amount")
    return per_person.withColumn("net_inflow_amount", inflow - outflow)


def sum_windows(bands: DataFrame) -> DataFrame:
    """One row per person and as-of date: sums of every measure over its windows, levels and weighted sums."""
    found = [
        windows.window_sum(name, days, type_of(name)).alias(f"{name}_{days}td")
        for name, lengths in plan.WINDOWS.items()
        for days in lengths
    ]
    found += [F.sum(f"{name}_now").cast(MONEY_TYPE).alias(name) for name in plan.LEVELS]
    found += [
        F.sum(f"net_assets_amount_{ago}td_ago").cast(MONEY_TYPE).alias(f"net_assets_amount_{ago}td_ago")
        for ago in plan.LEVEL_AGO
    ]
    found += [
        windows.window_sum("net_assets_amount", days, "decimal(38,4)").alias(f"_net_assets_sum_{days}td")
        for days in plan.AVERAGE_WINDOWS
    ]
    found += [F.sum(f"{name}_30d").cast("bigint").alias(f"{name}_30d") for name in plan.NATURAL_DAY_COUNTS]
    found += [
        windows.slope(
            F.coalesce(F.sum(F.when(windows.within(days), F.col(name))), F.lit(0)),
            F.coalesce(F.sum(F.when(windows.within(days), F.col(f"{name}_by_back"))), F.lit(0)),
            days,
        ).alias(f"{plan.SLOPE_NAMES[name]}_slope_{days}td")
        for name, lengths in plan.SLOPES.items()
        for days in lengths
    ]
    weeks = F.when((F.col("band") < 20) & (F.col("net_inflow_amount") < 0), F.lit(1))
    return bands.groupBy(*PERSON).agg(
        *found,
        F.count(weeks).alias("outflow_weeks_20td"),
        F.sum("month_net_assets_amount").alias("_month_sum"),
    )


def active_days(days: DataFrame, people: DataFrame) -> DataFrame:
    """One row per person, as-of date and natural date with activity: sums of the counts that mark a day."""
    marks = [*plan.RECENCY.values(), "event_count", "money_fund_redeem_amount"]
    any_mark = reduce(lambda left, right: left | right, [F.col(name) != 0 for name in marks])
    mapped = days.where(any_mark).join(people, on=["party_kind", "party_id", "as_of_date"], how="inner")
    return windows.sums(mapped, [*PERSON, "effective_date", "back"], {name: F.col(name) for name in marks})


def count_days(active: DataFrame) -> DataFrame:
    """One row per person and as-of date: active natural days in 30."""
    recent = F.col("effective_date") > F.date_sub("as_of_date", 30)
    seen = (F.col("login_count") > 0) | (F.col("event_count") > 0)
    return active.groupBy(*PERSON).agg(F.count_if(recent & seen).alias("active_days_30d"))


def count_trading_days(active: DataFrame) -> DataFrame:
    """One row per person and as-of date: trading days with trades, logins, redemptions; days since the last ones."""
    marks = [name for name in active.columns if name not in (*PERSON, "effective_date", "back")]
    by_day = windows.sums(active, [*PERSON, "back"], {name: F.col(name) for name in marks})

    def days_with(measure: str, length: int) -> Column:
        return F.count_if((F.col(measure) > 0) & (F.col("back") < length))

    redeemed = by_day.where(F.col("money_fund_redeem_amount") > 0)
    counted = by_day.groupBy(*PERSON).agg(
        *[days_with("trade_count", n).alias(f"trading_days_with_trades_{n}td") for n in plan.AVERAGE_WINDOWS],
        *[days_with("login_count", n).alias(f"trading_days_with_logins_{n}td") for n in (20, 60)],
        days_with("money_fund_redeem_amount", 20).alias("trading_days_with_money_fund_redemptions_20td"),
        *[
            F.min(F.when(F.col(measure) > 0, F.col("back"))).cast("bigint").alias(f"trading_days_since_last_{name}")
            for name, measure in plan.RECENCY.items()
        ],
    )
    streaks = windows.streak(redeemed.select(*PERSON, "back"), PERSON, "money_fund_redemption_streak_days")
    return counted.join(streaks, on=list(PERSON), how="left")


def peaks(days: DataFrame, people: DataFrame) -> DataFrame:
    """One row per person and as-of date: peak 20-trading-day mean and drawdown of net assets in 250 trading days.

    Net assets enter as whole ten-thousandths of a yuan: exact, and far cheaper to add than decimals.
    """
    held = days.where((F.col("net_assets_amount") != 0) & (F.col("party_kind") == "customer"))
    level = (F.col("net_assets_amount") * 10000).cast("bigint")
    narrow = held.select("party_kind", "party_id", "as_of_date", "back", level.alias("level"))
    customers = F.broadcast(people.where(F.col("party_kind") == "customer"))
    mapped = narrow.join(customers, on=["party_kind", "party_id", "as_of_date"], how="inner")
    history = windows.level_history(mapped, PERSON, "level", MEAN_DAYS)
    peak = (F.col("peak_sum").cast("decimal(24,4)") / (10000 * MEAN_DAYS)).cast(MONEY_TYPE)
    return history.select(*PERSON, peak.alias("_peak"), F.col("max_drawdown").alias("max_drawdown_ratio_250td"))


def histories(accounts: DataFrame, bands: DataFrame, people: DataFrame, calendar: DataFrame) -> DataFrame:
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
    lake = bands.groupBy("as_of_date").agg(F.max("known_from").alias("_known_from"))
    dated = opened.join(F.broadcast(lake), on="as_of_date", how="left")
    back = F.least(F.col("_as_of_night") - F.col("_opened_night"), F.col("_known_from"))
    days = F.when(F.col("_known_from").isNull(), F.lit(0)).otherwise(F.greatest(back + 1, F.lit(0)))
    return dated.select(*PERSON, days.cast("int").alias("history_trading_days"))


def month_trading_days(calendar: DataFrame) -> DataFrame:
    """One row per natural date: `_month_days`, the trading days of its month up to it."""
    number = F.col("trading_day_number")
    before = calendar.groupBy(F.trunc("natural_date", "month").alias("_month")).agg(
        F.min(number - F.col("is_trading_day").cast("int")).alias("_before")
    )
    dated = calendar.withColumn("_month", F.trunc("natural_date", "month")).join(before, on="_month", how="inner")
    return dated.select(F.col("natural_date").alias("as_of_date"), (number - F.col("_before")).alias("_month_days"))


def finish(rows: DataFrame, params: Params) -> DataFrame:
    """Zeros where nothing happened, null where there is no history; averages, shares, entropies, effectiveness."""
    keep = {*PERSON, "max_drawdown_ratio_250td", "_peak", "_month_days"}
    keep |= {name for name in rows.columns if name.startswith("trading_days_since_last_")}
    filled = rows.select(
        *[F.col(n) if n in keep else F.coalesce(F.col(n), F.lit(0)).cast(t).alias(n) for n, t in rows.dtypes]
    )
    history = F.col("history_trading_days")

    def if_history(value: Column, more_than: int = 0) -> Column:
        return F.when(history > more_than, value)

    derived: dict[str, Column] = {
        f"average_net_assets_amount_{n}td": if_history((F.col(f"_net_assets_sum_{n}td") / n).cast(MONEY_TYPE))
        for n in plan.AVERAGE_WINDOWS
    }
    for ago in plan.LEVEL_AGO:
        name = f"net_assets_amount_{ago}td_ago"
        derived[name] = if_history(F.col(name), ago)
    for name, lengths in plan.SLOPES.items():
        for n in lengths:
            slope = f"{plan.SLOPE_NAMES[name]}_slope_{n}td"
            derived[slope] = if_history(F.col(slope), n - 1)
    month_average = F.try_divide("_month_sum", F.col("_month_days")).cast(MONEY_TYPE)
    derived["month_average_net_assets_amount"] = if_history(month_average)
    derived["peak_average_net_assets_amount_250td"] = if_history(F.coalesce(F.col("_peak"), F.lit(0).cast(MONEY_TYPE)))
    gross = [F.col(name) for name in plan.GROSS_ASSETS.values()]
    derived |= {ratio: windows.share(F.col(name), gross) for ratio, name in plan.GROSS_ASSETS.items()}
    derived["asset_entropy"] = windows.entropy(gross)
    for n in (60, 250):
        derived[f"product_group_entropy_{n}td"] = windows.entropy(
            [F.col(f"{name}_{n}td") for name in plan.TRADE_GROUPS]
        )
    derived["hour_entropy_60td"] = windows.entropy([F.col(f"{name}_60td") for name in plan.HOUR_BANDS])
    assets = F.col("_net_assets_sum_20td") >= params.effective_average_net_assets * 20
    derived["is_effective"] = assets | (F.col("commission_amount_60td") > 0)
    derived["definition_version"] = F.lit(params.definition_version)
    return filled.withColumns(derived)


def build(
    *, party_days: DataFrame, identity_map: DataFrame, accounts: DataFrame, calendar: DataFrame, params: Params
) -> DataFrame:
    """The windows of every customer known, for the as-of dates of the run."""
    people = identity_map.where(F.col("identifier_kind").isin("customer", "device")).select(
        F.col("identifier_kind").alias("party_kind"), F.col("identifier").alias("party_id"), "as_of_date", "one_id"
    )
    days = add_back(party_days, calendar)
    bands = sum_bands(days, people)
    active = active_days(days, people)
    parts = [
        histories(accounts, bands, people, calendar),
        sum_windows(bands),
        count_days(active),
        count_trading_days(active),
        peaks(days, people),
    ]
    customers = people.where(F.col("party_kind") == "customer").select(*PERSON).distinct()
    rows = reduce(lambda left, right: left.join(right, on=list(PERSON), how="left"), parts, customers)
    return finish(rows.join(F.broadcast(month_trading_days(calendar)), on="as_of_date", how="left"), params)
