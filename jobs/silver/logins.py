"""silver.logins: one row per account_id, logged_in_at, terminal and device_id (and delivery of it): a login.

A login has no number of its own, so these four are its key; a terminal that tells no device has an empty device_id,
which keeps the key complete.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from jobs.methods import delivered_fields as fields
from jobs.methods.account_owners import add_customer, unknown_account
from jobs.methods.source_types import local_date
from jobs.methods.verdicts import judge, mark_repeats

KEY = ["account_id", "logged_in_at", "terminal", "device_id"]


@dataclass(frozen=True)
class Params:
    """`time_zone`: the market's; times in the feed are local to it."""

    time_zone: str


def login_fields(time_zone: str) -> list[fields.Field]:
    """The feed's columns."""
    return [
        fields.text("account_id"),
        fields.text("terminal"),
        fields.text("device_id", required=False, when_empty=""),
        fields.text("ip", required=False),
        fields.text("region", required=False),
        fields.moment("logged_in_at", time_zone),
    ]


def build(*, logins: DataFrame, earlier: DataFrame, accounts: DataFrame, params: Params) -> DataFrame:
    """Every delivered login with its verdict, for the nights of the run."""
    columns = login_fields(params.time_zone)
    known = add_customer(fields.read_fields(logins, columns), accounts)
    judged = fields.drop_texts(judge(known, [*fields.reading_rules(columns), unknown_account()]), columns)
    marked = mark_repeats(judged, key=KEY, earlier=earlier, is_late=fields.is_late())
    return marked.withColumn("login_date", local_date("logged_in_at", params.time_zone))
