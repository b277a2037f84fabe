"""silver.customer_changes: one row per customer_no and change as delivered.

The CRM's word, typed; identities are tokens since bronze. A deletion carries the last state.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from jobs.methods.change_feeds import log_of_changes
from jobs.methods.delivered_fields import Field, day, text, whole_number

KEY = ("customer_no",)


@dataclass(frozen=True)
class Params:
    """Values of conf/base.yaml.

    Attributes:
        time_zone: of the feed's times and of effective_date.
    """

    time_zone: str


def fields_of_customer() -> list[Field]:
    """The columns of the entity and how their text reads."""
    return [
        text("customer_no"),
        text("customer_kind"),
        text("name", required=False),
        text("name_masked", required=False),
        text("id_type", required=False),
        text("id_number", required=False),
        text("id_number_masked", required=False),
        text("phone", required=False),
        text("phone_masked", required=False),
        text("email", required=False),
        text("email_masked", required=False),
        day("birth_date", required=False),
        text("gender", required=False),
        text("city", required=False),
        text("occupation", required=False),
        text("education", required=False),
        text("income_band", required=False),
        text("risk_level", required=False),
        day("risk_assessed_on", required=False),
        text("horizon", required=False),
        text("variety", required=False),
        text("investor_class", required=False),
        text("branch_id", required=False),
        text("opened_channel", required=False),
        text("wecom_id", required=False),
        whole_number("other_broker_accounts", required=False),
        day("other_brokers_checked_on", required=False),
    ]


def build(*, changes: DataFrame, earlier: DataFrame, params: Params) -> DataFrame:
    """The log's rows for the nights of the run, each with its verdict."""
    return log_of_changes(changes, fields=fields_of_customer(), key=KEY, earlier=earlier, time_zone=params.time_zone)
