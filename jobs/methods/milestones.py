"""Lifetime facts of parties, night by night, from additive party days.

Days are known by knowledge: a day counts as a day with trades on night N when the changes delivered by N add up to more
than none. Everything here gives one row per party and night on which something was learnt.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.methods.windows import UNITS, to_units

PARTY = ("party_kind", "party_id")


def known_intervals(changes: DataFrame, by: Sequence[str]) -> DataFrame:
    """One row per `by`, day and interval of nights [from, to) in which the changes of the day add up to more than 0.

    `changes` holds `by`, effective_date, `value` and _delivered_on; `_to` is null while it lasts.
    """
    per_night = changes.groupBy(*by, "effective_date", "_delivered_on").agg(F.sum("value").alias("value"))
    by_day = Window.partitionBy(*by, "effective_date").orderBy("_delivered_on")
    so_far = F.sum("value").over(by_day.rowsBetween(Window.unboundedPreceding, 0)) > 0
    flagged = per_night.withColumn("_is_known", so_far)
    turned = flagged.withColumn("_was_known", F.coalesce(F.lag("_is_known").over(by_day), F.lit(False)))
    turns = turned.where(F.col("_is_known") != F.col("_was_known"))
    ends = turns.withColumn("_to", F.lead("_delivered_on").over(by_day)).where("_is_known")
    return ends.select(*by, "effective_date", F.col("_delivered_on").alias("_from"), "_to")


def days_by_night(intervals: DataFrame, by: Sequence[str]) -> DataFrame:
    """One row per `by` and night on which its known days changed: `days`, a struct of first, second, last, count."""
    nights = intervals.select(*by, F.explode(F.array_compact(F.array("_from", "_to"))).alias("_night"))
    days = intervals.groupBy(*by).agg(
        F.array_sort(F.collect_list(F.struct("effective_date", "_from", "_to"))).alias("_days")
    )
    joined = nights.distinct().join(days, on=list(by), how="inner")

    def is_known(day: Column) -> Column:
        open_still = day["_to"].isNull() | (day["_to"] > F.col("_night"))
        return (day["_from"] <= F.col("_night")) & open_still

    known = F.filter("_days", is_known)
    dates = F.transform(known, lambda day: day["effective_date"])
    return joined.withColumn("_dates", dates).select(
        *by,
        F.col("_night").alias("_delivered_on"),
        F.struct(
            F.get("_dates", F.lit(0)).alias("first"),
            F.get("_dates", F.lit(1)).alias("second"),
            F.try_element_at("_dates", F.lit(-1)).alias("last"),
            F.size("_dates").cast("bigint").alias("count"),
        ).alias("days"),
    )


def first_effective_nights(changes: DataFrame, nights: DataFrame, average: int) -> DataFrame:
    """One row per customer: `first_effective_on`, the first night of the run on which it was an effective account.

    Effective: net assets of 20 trading days add up to 20 x `average`, or any commission in 60 trading days, as known
    that night. A change of day E delivered on L counts on the nights max(E, L) to E + n - 1; so it enters there with
    its value, leaves at E + n, and running sums by night give every window without reading it twice.

    Args:
        changes: party, `_day` and `_known` (night numbers of effective date and delivery), net_assets_amount,
            commission_amount; from 60 trading days before the run on.
        nights: `night_number` and `night` of the run.
        average: net assets an effective account has on the average of 20 trading days, CNY.
    """
    bounds = nights.agg(F.min("night_number").alias("_first"), F.max("night_number").alias("_last"))
    rows = changes.crossJoin(F.broadcast(bounds))
    entered = F.greatest("_day", "_known", "_first")
    zero = F.lit(0).cast("bigint")
    assets, commission = to_units(F.col("net_assets_amount")), to_units(F.col("commission_amount"))
    moves = [*_enter_and_leave(entered, (assets, zero), 20), *_enter_and_leave(entered, (zero, commission), 60)]
    points = rows.select(*PARTY, "_last", F.explode(F.array_compact(F.array(*moves))).alias("_at"))
    points = points.select(*PARTY, "_last", "_at.*").where(F.col("night_number") <= F.col("_last"))
    summed = points.groupBy(*PARTY, "night_number").agg(
        F.sum("_assets").alias("_assets"), F.sum("_commission").alias("_commission")
    )
    so_far = Window.partitionBy(*PARTY).orderBy("night_number").rowsBetween(Window.unboundedPreceding, 0)
    enough = 20 * average * UNITS
    is_effective = (F.sum("_assets").over(so_far) >= enough) | (F.sum("_commission").over(so_far) > 0)
    return (
        summed.withColumn("_is_effective", is_effective)
        .where("_is_effective")
        .groupBy(*PARTY)
        .agg(F.min("night_number").alias("night_number"))
        .join(F.broadcast(nights), on="night_number", how="inner")
        .select(*PARTY, F.col("night").alias("first_effective_on"))
    )


def _enter_and_leave(entered: Column, amounts: tuple[Column, Column], length: int) -> list[Column]:
    """Two points of night_number, `_assets` and `_commission` in units: where the amounts enter a window of `length`,
    and less them where they leave it; null when they are 0 or never inside.
    """
    leaves = F.col("_day") + length
    counts = ((amounts[0] != 0) | (amounts[1] != 0)) & (entered < leaves)

    def point(night: Column, assets: Column, commission: Column) -> Column:
        at = F.struct(night.alias("night_number"), assets.alias("_assets"), commission.alias("_commission"))
        return F.when(counts, at)

    return [point(entered, *amounts), point(leaves, -amounts[0], -amounts[1])]


def account_states(changes: DataFrame) -> DataFrame:
    """One row per customer and night on which an account changed: whether all are closed, as known, and the last date.

    Columns: customer_no, `_delivered_on`, `account_state` (struct of all_closed, closed_on). The latest version of
    an account counts, by effective date and change_sequence, in whatever order it came.
    """
    version = F.struct("effective_date", "change_sequence", "_business_date", "_sequence")
    is_closed = F.col("closed_on").isNotNull() | F.col("is_deleted")
    payload = F.struct(version.alias("version"), is_closed.alias("is_closed"), F.col("closed_on").alias("closed_on"))
    per_night = changes.groupBy("customer_no", "account_id", "_delivered_on").agg(F.max(payload).alias("_state"))
    by_account = Window.partitionBy("customer_no", "account_id").orderBy("_delivered_on")
    state = F.max("_state").over(by_account.rowsBetween(Window.unboundedPreceding, 0))
    known = per_night.withColumn("_state", state)
    was_open = F.lag((~F.col("_state.is_closed")).cast("int")).over(by_account)
    steps = known.withColumn("_step", (~F.col("_state.is_closed")).cast("int") - F.coalesce(was_open, F.lit(0)))
    nights = steps.groupBy("customer_no", "_delivered_on").agg(
        F.sum("_step").alias("_step"), F.max("_state.closed_on").alias("_closed_on")
    )
    so_far = Window.partitionBy("customer_no").orderBy("_delivered_on").rowsBetween(Window.unboundedPreceding, 0)
    all_closed = F.sum("_step").over(so_far) == 0
    closed_on = F.when(all_closed, F.max("_closed_on").over(so_far))
    return nights.select(
        "customer_no",
        "_delivered_on",
        F.struct(all_closed.alias("all_closed"), closed_on.alias("closed_on")).alias("account_state"),
    )
