"""silver.identity_map: one row per identifier and night on which its attachment changed.

A log, asked as of a date: customer_no and account name one person for good; a device attaches to its owner from the
first observation, and to nobody from the night that shows a further owner.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.methods.identity import attach, one_id


@dataclass(frozen=True)
class Params:
    """`device_owners_cap`: a device seen with more persons than this attaches to nobody."""

    device_owners_cap: int


def observe(rows: DataFrame, kind: str, identifier: str, day: str) -> DataFrame:
    """One row per identifier, owner, day and night; rows without identifier or customer tell nothing."""
    seen = rows.where((F.coalesce(F.col(identifier), F.lit("")) != "") & F.col("customer_no").isNotNull())
    return seen.select(
        F.lit(kind).alias("identifier_kind"),
        F.col(identifier).alias("identifier"),
        one_id(F.col("customer_no")).alias("owner"),
        F.col(day).alias("observed_on"),
        "_delivered_on",
    ).distinct()


def build(
    *,
    customers: DataFrame,
    accounts: DataFrame,
    logins: DataFrame,
    events: DataFrame,
    earlier: DataFrame,
    params: Params,
) -> DataFrame:
    """What each night of the run learnt about identifiers."""
    strong = observe(customers, "customer", "customer_no", "effective_date")
    strong = strong.unionByName(observe(accounts, "customer", "customer_no", "effective_date"))
    strong = strong.unionByName(observe(accounts, "account", "account_id", "effective_date"))
    weak = observe(logins.where(~F.col("_withdrawn")), "device", "device_id", "login_date")
    weak = weak.unionByName(observe(events.where(~F.col("_withdrawn")), "device", "device_id", "event_date"))
    return attach(strong.unionByName(weak), earlier, params.device_owners_cap)
