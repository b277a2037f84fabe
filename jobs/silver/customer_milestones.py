"""silver.customer_milestones: one row per party and night on which its state changed, holding the whole new state.

A log: asked as of a date, the latest row is what was known then, so a late or busted first trade changes the state from
its night on and never before. A night reads its own changes and the log; parties told of days that belong to earlier
nights are reckoned from their whole past, the others move on from their last state.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.methods import folds
from jobs.methods import milestones as methods
from jobs.methods.milestones import PARTY
from jobs.methods.trading_days import add_night_number, nights

MONEY_TYPE = "decimal(18,4)"
COMMISSION_WINDOW = 60
STATE = (
    "registered_on",
    "opened_on",
    "closed_on",
    "funded_on",
    "first_trade_on",
    "second_trade_on",
    "last_trade_on",
    "first_effective_on",
    "first_event_on",
    "lifetime_trading_days_with_trades",
    "lifetime_trade_count",
    "lifetime_net_revenue_amount",
)


@dataclass(frozen=True)
class Params:
    """`effective_average_net_assets`: 20-trading-day average from which an account is effective, CNY."""

    effective_average_net_assets: int


def last_states(earlier: DataFrame) -> DataFrame:
    """One row per party: its state before the run, under `_before`, and the night of it."""
    state = F.struct(*STATE)
    return earlier.groupBy(*PARTY).agg(F.max_by(state, "_delivered_on").alias("_before"))


def funding() -> Column:
    """What a day adds to its count of first money: bank transfers in, and custody transfers in."""
    return F.col("bank_in_count") + F.signum(F.col("custody_in_amount")).cast("bigint")


def with_past(party_days: DataFrame, earlier_party_days: DataFrame, calendar: DataFrame) -> DataFrame:
    """Changes of the run, plus the whole past of parties told of days of earlier nights, marked `_whole`."""
    columns = [*PARTY, "effective_date", "_delivered_on", "trade_count", "_funding"]
    told = [frame.withColumn("_funding", funding()).select(*columns) for frame in (party_days, earlier_party_days)]
    touched, past = [frame.where((F.col("trade_count") != 0) | (F.col("_funding") != 0)) for frame in told]
    owned = calendar.select(
        F.col("natural_date").alias("_delivered_on"), F.col("previous_trading_date").alias("_after")
    )
    is_old = F.coalesce(F.col("effective_date") <= F.col("_after"), F.lit(False))
    is_old = is_old | (F.col("trade_count") < 0) | (F.col("_funding") < 0)
    dated = touched.join(F.broadcast(owned), on="_delivered_on", how="left")
    whole = F.broadcast(dated.where(is_old).select(*PARTY).distinct())
    rows = touched.unionByName(past.join(whole, on=list(PARTY), how="left_semi"))
    marked = rows.join(whole.withColumn("_whole", F.lit(True)), on=list(PARTY), how="left")
    return marked.fillna(False, subset=["_whole"])


def day_facts(changes: DataFrame) -> DataFrame:
    """One row per party and night: `trades` and `fundings` (first, second, last, count of known days), and `_whole`."""
    told = {"trades": F.col("trade_count"), "fundings": F.col("_funding")}
    each = F.explode(F.create_map(*[part for name, value in told.items() for part in (F.lit(name), value)]))
    by = (*PARTY, "_whole", "_fact")
    values = changes.select(*by[:-1], "effective_date", "_delivered_on", each.alias("_fact", "value"))
    found = methods.days_by_night(methods.known_intervals(values.where(F.col("value") != 0), by), by)
    return found.groupBy(*PARTY, "_delivered_on").agg(
        F.max("_whole").alias("_whole"),
        *[F.first(F.when(F.col("_fact") == name, F.col("days")), ignorenulls=True).alias(name) for name in told],
    )


def running_facts(party_days: DataFrame) -> DataFrame:
    """One row per party and night: what the night adds to lifetime sums, and its first day with an event."""
    told = party_days.where(
        (F.col("trade_count") != 0) | (F.col("net_revenue_amount") != 0) | (F.col("event_count") > 0)
    )
    return told.groupBy(*PARTY, "_delivered_on").agg(
        F.sum("trade_count").alias("_trades"),
        F.sum("net_revenue_amount").alias("_revenue"),
        F.min(F.when(F.col("event_count") > 0, F.col("effective_date"))).alias("_event_on"),
    )


def effective_facts(
    party_days: DataFrame, earlier_party_days: DataFrame, states: DataFrame, calendar: DataFrame, average: int
) -> DataFrame:
    """One row per customer that becomes effective in the run: party, `_delivered_on` and `_effective_on`.

    Reads the nights from 60 trading days before the run on, and only of customers not effective before.
    """
    all_nights = nights(calendar)
    of_run = (
        party_days.select(F.col("_delivered_on").alias("night")).distinct().join(all_nights, on="night", how="inner")
    )
    first = of_run.agg(F.min("night_number").alias("_first"))
    recent = all_nights.join(
        F.broadcast(first), on=F.col("night_number") > F.col("_first") - COMMISSION_WINDOW, how="inner"
    )
    recent = recent.select(F.col("night").alias("_delivered_on"))
    columns = [*PARTY, "effective_date", "_delivered_on", "net_assets_amount", "commission_amount"]
    past = earlier_party_days.select(*columns).join(F.broadcast(recent), on="_delivered_on", how="left_semi")
    rows = party_days.select(*columns).unionByName(past)
    counted = (F.col("net_assets_amount") != 0) | (F.col("commission_amount") != 0)
    rows = rows.where(counted & (F.col("party_kind") == "customer"))
    done = states.where(F.col("_before.first_effective_on").isNotNull()).select(*PARTY)
    open_ = rows.join(F.broadcast(done), on=list(PARTY), how="left_anti")
    dated = add_night_number(open_, calendar, "effective_date", "_day")
    dated = add_night_number(dated, calendar, "_delivered_on", "_known")
    found = methods.first_effective_nights(dated, of_run, average)
    return found.select(
        *PARTY, F.col("first_effective_on").alias("_delivered_on"), F.col("first_effective_on").alias("_effective_on")
    )


def people_facts(customers: DataFrame, accounts: DataFrame, earlier_accounts: DataFrame) -> DataFrame:
    """One row per customer and night: `_registered_on`, `_opened_on`, `account_state`."""
    registered = customers.groupBy("customer_no", "_delivered_on").agg(F.min("effective_date").alias("_registered_on"))
    opened = accounts.groupBy("customer_no", "_delivered_on").agg(F.min("opened_on").alias("_opened_on"))
    touched = F.broadcast(accounts.select("customer_no").distinct())
    known = accounts.unionByName(earlier_accounts.join(touched, on="customer_no", how="left_semi"))
    states = methods.account_states(known)
    # States of nights before the run fall away here: accounts of the run name its nights.
    told = registered.join(
        opened.join(states, on=["customer_no", "_delivered_on"], how="left"),
        on=["customer_no", "_delivered_on"],
        how="full_outer",
    )
    return told.select(F.lit("customer").alias("party_kind"), F.col("customer_no").alias("party_id"), *told.columns[1:])


def gather(parts: list[DataFrame], states: DataFrame) -> DataFrame:
    """One row per party and night with every fact learnt, as known so far, and the state before the run."""
    rows = folds.union_by_name(parts)
    names = [name for name in rows.columns if name not in (*PARTY, "_delivered_on")]
    facts = rows.groupBy(*PARTY, "_delivered_on").agg(*[F.first(n, ignorenulls=True).alias(n) for n in names])
    of_party = Window.partitionBy(*PARTY)
    so_far = of_party.orderBy("_delivered_on").rowsBetween(Window.unboundedPreceding, 0)
    latest = {n: F.last(n, ignorenulls=True).over(so_far) for n in ("trades", "fundings", "account_state")}
    earliest = {n: F.min(n).over(so_far) for n in ("_registered_on", "_opened_on", "_effective_on", "_event_on")}
    added = {n: F.sum(n).over(so_far) for n in ("_trades", "_revenue")}
    whole = {"_whole": F.coalesce(F.max("_whole").over(of_party), F.lit(False))}
    return facts.join(states, on=list(PARTY), how="left").withColumns({**latest, **earliest, **added, **whole})


def state() -> Column:
    """The whole state as known on a row's night; a party reckoned from its whole past forgets its days of before."""
    before = F.col("_before")
    base = F.when(~F.col("_whole"), before)
    trade_days = F.array(base["first_trade_on"], base["second_trade_on"], F.col("trades.first"), F.col("trades.second"))
    account_known = F.col("account_state").isNotNull()

    def added(name: str, more: str, type_: str) -> Column:
        return (F.coalesce(before[name], F.lit(0)) + F.coalesce(F.col(more), F.lit(0))).cast(type_)

    days = F.coalesce(base["lifetime_trading_days_with_trades"], F.lit(0)) + F.coalesce("trades.count", F.lit(0))
    values = {
        "registered_on": F.least(before["registered_on"], "_registered_on"),
        "opened_on": F.least(before["opened_on"], "_opened_on"),
        "closed_on": F.when(account_known, F.col("account_state.closed_on")).otherwise(before["closed_on"]),
        "funded_on": F.least(base["funded_on"], "fundings.first"),
        "first_trade_on": F.least(base["first_trade_on"], "trades.first"),
        "second_trade_on": F.get(F.array_sort(F.array_compact(trade_days)), F.lit(1)),
        "last_trade_on": F.greatest(base["last_trade_on"], "trades.last"),
        "first_effective_on": F.coalesce(before["first_effective_on"], "_effective_on"),
        "first_event_on": F.least(before["first_event_on"], "_event_on"),
        "lifetime_trading_days_with_trades": days.cast("bigint"),
        "lifetime_trade_count": added("lifetime_trade_count", "_trades", "bigint"),
        "lifetime_net_revenue_amount": added("lifetime_net_revenue_amount", "_revenue", MONEY_TYPE),
    }
    return F.struct(*[values[name].alias(name) for name in STATE])


def keep_changes(rows: DataFrame) -> DataFrame:
    """Rows whose `_state` differs from the party's state before, which is that before the run for the first one."""
    in_order = Window.partitionBy(*PARTY).orderBy("_delivered_on")
    place = rows.withColumn("_former", F.coalesce(F.lag("_state").over(in_order), F.col("_before")))
    changed = place.where(~F.col("_state").eqNullSafe(F.col("_former")))
    return changed.select(*PARTY, *[F.col("_state")[name].alias(name) for name in STATE], "_delivered_on")


def build(
    *,
    party_days: DataFrame,
    earlier_party_days: DataFrame,
    customers: DataFrame,
    accounts: DataFrame,
    earlier_accounts: DataFrame,
    earlier: DataFrame,
    calendar: DataFrame,
    params: Params,
) -> DataFrame:
    """The changes of state of each night of the run."""
    states = last_states(earlier)
    average = params.effective_average_net_assets
    parts = [
        day_facts(with_past(party_days, earlier_party_days, calendar)),
        running_facts(party_days),
        effective_facts(party_days, earlier_party_days, states, calendar, average),
        people_facts(customers, accounts, earlier_accounts),
    ]
    inputs = (party_days, customers, accounts)
    of_run = folds.union_by_name([frame.select("_delivered_on") for frame in inputs]).distinct()
    known = gather(parts, states).join(F.broadcast(of_run), on="_delivered_on", how="left_semi")
    return keep_changes(known.withColumn("_state", state()))
