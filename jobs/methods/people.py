"""From the source's keys to people: customers, accounts and milestones by one_id, as of each date.

Frames carry `as_of_date` (labels also `known_on`); the identity map arrives as of the same dates.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F


def date_columns(frame: DataFrame) -> list[str]:
    """`as_of_date`, and `known_on` where the frame has it."""
    return [name for name in ("as_of_date", "known_on") if name in frame.columns]


def attach_one_id(frame: DataFrame, identity_map: DataFrame, kind: str, column: str) -> DataFrame:
    """`frame` plus `one_id` of the identifier in `column`, as of its date; null where nobody is known."""
    dates = date_columns(frame)
    owners = identity_map.where(F.col("identifier_kind") == kind).select(
        *dates, F.col("identifier").alias(column), "one_id"
    )
    return frame.join(owners, on=[*dates, column], how="left")


def list_people(customers: DataFrame, identity_map: DataFrame) -> DataFrame:
    """CRM's customers with their one_id, one row per person and date.

    Of a person with several customer numbers the lowest number's row speaks for them.
    """
    known = attach_one_id(customers, identity_map, "customer", "customer_no")
    first = Window.partitionBy("one_id", *date_columns(customers)).orderBy("customer_no")
    return known.withColumn("_place", F.row_number().over(first)).where(F.col("_place") == 1).drop("_place")


def is_open_account() -> Column:
    """True for an account row whose account is open on its `as_of_date`; a frozen account is open."""
    closed = (F.col("status") == "closed") | F.coalesce(F.col("closed_on") <= F.col("as_of_date"), F.lit(False))
    return ~closed


def gather_milestones(milestones: DataFrame, identity_map: DataFrame) -> DataFrame:
    """One row per one_id and as_of_date: the earliest of each first date, the latest of each last date, sums.

    A person's parties are their customer numbers and the devices that are theirs alone on that date.
    """
    owners = identity_map.select(
        "as_of_date", F.col("identifier_kind").alias("party_kind"), F.col("identifier").alias("party_id"), "one_id"
    )
    joined = milestones.join(owners, on=["as_of_date", "party_kind", "party_id"], how="inner")
    skip = {"as_of_date", "party_kind", "party_id", "one_id"}
    types = {name: type_ for name, type_ in milestones.dtypes if name not in skip and not name.startswith("_")}
    return joined.groupBy("one_id", "as_of_date").agg(*[_gathered(name, type_) for name, type_ in types.items()])


def _gathered(name: str, type_: str) -> Column:
    if type_ != "date":
        return F.sum(name).cast(type_).alias(name)
    is_latest = name.startswith(("last_", "closed_"))
    return (F.max(name) if is_latest else F.min(name)).alias(name)
