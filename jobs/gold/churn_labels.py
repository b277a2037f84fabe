"""gold.churn_labels: one row per person with an open account on as_of_date, told on known_on.

known_on is the night that closes the label window (as_of_date, known_on]; partition of the table. A label speaks of
explicit churn only: all accounts closed, or securities taken to another broker with next to nothing left.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.methods.churn import LABEL_KEY, date_of_custody_out, date_of_last_closing, keep_open
from jobs.methods.people import attach_one_id, list_people


@dataclass(frozen=True)
class Params:
    """Values: conf/base.yaml.

    Attributes:
        label_window_trading_days: length of the window; equals the `ahead` of the inputs.
        remaining_amount: CNY; less than this after a custody-out is churn.
        definition_version: goes up when a value above changes.
    """

    label_window_trading_days: int
    remaining_amount: str
    definition_version: str


def build(
    *,
    customers: DataFrame,
    accounts: DataFrame,
    accounts_ahead: DataFrame,
    movements_ahead: DataFrame,
    balances_ahead: DataFrame,
    identity_map: DataFrame,
    params: Params,
) -> DataFrame:
    """The labels told on the run's dates, for the as-of dates that lie a label window before them."""

    def of_people(frame: DataFrame) -> DataFrame:
        return attach_one_id(frame, identity_map, "customer", "customer_no").where(F.col("one_id").isNotNull())

    closings = date_of_last_closing(of_people(keep_open(accounts)), of_people(accounts_ahead))
    moves = date_of_custody_out(of_people(movements_ahead), of_people(balances_ahead), Decimal(params.remaining_amount))
    people = list_people(customers, identity_map).select(*LABEL_KEY)
    labelled = people.join(closings, on=LABEL_KEY, how="inner").join(moves, on=LABEL_KEY, how="left")
    churned_on = F.least("accounts_closed_on", "moved_out_on")
    kind = F.when(
        F.col("moved_out_on") < F.coalesce("accounts_closed_on", F.date_add("moved_out_on", 1)), "custody_out"
    )
    return labelled.select(
        *LABEL_KEY,
        F.lit(params.label_window_trading_days).alias("label_window_trading_days"),
        "open_account_count",
        churned_on.isNotNull().alias("is_churned"),
        churned_on.alias("churned_on"),
        kind.when(F.col("accounts_closed_on").isNotNull(), "accounts_closed").alias("churn_kind"),
        "accounts_closed_on",
        "moved_out_on",
        F.lit(params.definition_version).alias("definition_version"),
    )
