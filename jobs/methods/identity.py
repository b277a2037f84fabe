"""One-ID: which identifier belongs to whom, from dated observations.

A person's one_id is a token of the customer_no. A strong identifier (customer_no, account) keeps the owner it was first
delivered with. A weak identifier (a device) attaches to its owner; one that is seen
with more persons than its cap attaches to nobody from the night that showed it.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

IDENTIFIER = ("identifier_kind", "identifier")
WEAK_KINDS = ("device",)


def one_id(customer_no: Column) -> Column:
    """`p_` and 24 hexadecimal digits: stable, and no customer_no to read off."""
    return F.concat(F.lit("p_"), F.substring(F.sha2(customer_no, 256), 1, 24))


def first_observations(observations: DataFrame) -> DataFrame:
    """One row per identifier and owner: the first day it was seen and the first night that told it."""
    observed = F.least("observed_on", "_delivered_on")
    first = F.min_by(F.struct(observed.alias("on")), F.struct("_delivered_on", observed))
    return observations.groupBy(*IDENTIFIER, "owner").agg(
        F.min("_delivered_on").alias("_delivered_on"), first["on"].alias("observed_on")
    )


def attach(observations: DataFrame, earlier: DataFrame, owners_cap: int) -> DataFrame:
    """Log rows of the run: per identifier and night a row when its set of owners grows, until it is closed.

    Args:
        observations: identifier_kind, identifier, owner (one_id), observed_on, _delivered_on of the run.
        earlier: the log before the run.
        owners_cap: an identifier with more owners attaches to nobody.
    """
    last = _last_states(earlier, observations)
    first = first_observations(observations).join(last, on=list(IDENTIFIER), how="left")
    known = F.coalesce(F.array_contains("_owners_before", F.col("owner")), F.lit(False))
    fresh = first.where(~known & ~F.coalesce(F.col("_closed_before"), F.lit(False)))
    nights = fresh.groupBy(*IDENTIFIER, "_delivered_on").agg(
        F.collect_list("owner").alias("_new"),
        F.min_by("owner", F.struct("observed_on", "owner")).alias("_first_owner"),
        F.min("observed_on").alias("_observed_on"),
        F.first("_owners_before").alias("_owners_before"),
        F.first("_one_id_before").alias("_one_id_before"),
        F.first("_valid_from_before").alias("_valid_from_before"),
    )
    return _log_rows(nights, owners_cap)


def _last_states(earlier: DataFrame, observations: DataFrame) -> DataFrame:
    keys = F.broadcast(observations.select(*IDENTIFIER).distinct())
    touched = earlier.join(keys, on=list(IDENTIFIER), how="left_semi")
    last = F.max_by(F.struct("owner_one_ids", "one_id", "valid_from", "is_closed"), "_delivered_on")
    return (
        touched.groupBy(*IDENTIFIER)
        .agg(last.alias("_last"))
        .select(
            *IDENTIFIER,
            F.col("_last.owner_one_ids").alias("_owners_before"),
            F.col("_last.one_id").alias("_one_id_before"),
            F.col("_last.valid_from").alias("_valid_from_before"),
            F.col("_last.is_closed").alias("_closed_before"),
        )
    )


def _log_rows(nights: DataFrame, owners_cap: int) -> DataFrame:
    in_order = Window.partitionBy(*IDENTIFIER).orderBy("_delivered_on")
    so_far = in_order.rowsBetween(Window.unboundedPreceding, 0)
    new_so_far = F.flatten(F.collect_list("_new").over(so_far))
    owners_before = F.coalesce(F.col("_owners_before"), F.array().cast("array<string>"))
    owners = F.array_sort(F.concat(owners_before, new_so_far))
    first_owner = F.first("_first_owner").over(so_far)
    first_day = F.first("_observed_on").over(so_far)
    rows = nights.withColumns({"owner_one_ids": owners, "_first": first_owner, "_from": first_day})
    is_weak = F.col("identifier_kind").isin(*WEAK_KINDS)
    closed = is_weak & (F.size("owner_one_ids") > owners_cap)
    before = F.size("owner_one_ids") - F.size("_new")
    return rows.where(F.when(is_weak, before <= owners_cap).otherwise(before == 0)).select(
        *IDENTIFIER,
        F.coalesce("_one_id_before", "_first").alias("one_id"),
        F.coalesce("_valid_from_before", "_from").alias("valid_from"),
        F.when(closed, F.col("_delivered_on")).alias("valid_to"),
        closed.alias("is_closed"),
        F.when(is_weak, F.col("owner_one_ids")).otherwise(F.array("_first")).alias("owner_one_ids"),
        "_delivered_on",
    )
