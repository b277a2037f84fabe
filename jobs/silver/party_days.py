"""silver.party_days: one row per source party, effective date and _delivered_on, holding what that night changed.

Every row is additive: the day as known on the night less the day as known the night before. A late row, a revision or
a withdrawal therefore adds new minus old, and sums over `_delivered_on` <= D are the days as known on D. Levels such
as net assets are treated alike: the sum for a date is the level of that date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.methods import party_measures as measures
from jobs.methods.deltas import (
    Fact,
    customer,
    customer_or_device,
    party_day_changes,
    plain_party_days,
    sum_by_party_day,
)
from jobs.methods.source_types import local_date


@dataclass(frozen=True)
class Params:
    """Words of the source systems.

    Attributes:
        time_zone: the market's, for hour bands and the local date of visits.
        product_groups: product lines of the groups stock, fund and money_fund; the rest is other.
        filled_statuses: order statuses that mean a whole or partial fill.
        cancelled_statuses: order statuses that mean a cancellation.
        closing_topics: contact topics that ask how to close the account.
    """

    time_zone: str
    product_groups: Mapping[str, Sequence[str]]
    filled_statuses: Sequence[str]
    cancelled_statuses: Sequence[str]
    closing_topics: Sequence[str]


def trading_facts(params: Params) -> dict[str, Fact]:
    """Facts of money and securities by input name."""
    party = customer()
    groups = params.product_groups
    return {
        "executions": Fact(
            ["execution_id"],
            "trade_date",
            measures.of_execution(groups),
            *party,
            order="revision",
            counts=~F.col("is_busted"),
        ),
        "cash_flows": Fact(["flow_id"], "flow_date", measures.of_cash_flow(), *party),
        "security_movements": Fact(["movement_id"], "occurred_on", measures.of_security_movement(), *party),
        "positions": Fact(
            ["account_id", "product_id", "position_date"], "position_date", measures.of_position(groups), *party
        ),
        "balances": Fact(["account_id", "currency", "balance_date"], "balance_date", measures.of_balance(), *party),
        "orders": Fact(
            ["order_id"],
            "order_date",
            measures.of_order(params.filled_statuses, params.cancelled_statuses),
            *party,
        ),
    }


def behaviour_facts(params: Params) -> dict[str, Fact]:
    """Facts of behaviour and contact by input name."""
    party = customer()
    return {
        "logins": Fact(
            ["account_id", "logged_in_at", "terminal", "device_id"], "login_date", measures.of_login(), *party
        ),
        "contacts": Fact(["contact_id"], "contact_date", measures.of_contact(params.closing_topics), *party),
        "ad_clicks": Fact(
            ["click_id"],
            "click_date",
            {"ad_click_count": F.lit(1).cast("bigint")},
            F.lit("device"),
            F.col("device_id"),
        ),
        "events": Fact(
            ["device_id", "event_id"], "event_date", measures.of_event(params.time_zone), *customer_or_device()
        ),
    }


def visit_fact() -> Fact:
    """A visit's part counts on the local date on which it began, `_started_on`."""
    return Fact([], "_started_on", measures.of_visit(), *customer_or_device())


def build(
    *,
    executions: DataFrame,
    earlier_executions: DataFrame,
    cash_flows: DataFrame,
    earlier_cash_flows: DataFrame,
    security_movements: DataFrame,
    earlier_security_movements: DataFrame,
    positions: DataFrame,
    earlier_positions: DataFrame,
    balances: DataFrame,
    earlier_balances: DataFrame,
    orders: DataFrame,
    earlier_orders: DataFrame,
    logins: DataFrame,
    earlier_logins: DataFrame,
    contacts: DataFrame,
    earlier_contacts: DataFrame,
    ad_clicks: DataFrame,
    earlier_ad_clicks: DataFrame,
    events: DataFrame,
    earlier_events: DataFrame,
    visits: DataFrame,
    params: Params,
) -> DataFrame:
    """What each night of the run changed, per party and effective date."""
    facts = {**trading_facts(params), **behaviour_facts(params)}
    delivered = {
        "executions": (executions, earlier_executions),
        "cash_flows": (cash_flows, earlier_cash_flows),
        "security_movements": (security_movements, earlier_security_movements),
        "positions": (positions, earlier_positions),
        "balances": (balances, earlier_balances),
        "orders": (orders, earlier_orders),
        "logins": (logins, earlier_logins),
        "contacts": (contacts, earlier_contacts),
        "ad_clicks": (ad_clicks, earlier_ad_clicks),
        "events": (events, earlier_events),
    }
    dated = visits.withColumn("_started_on", local_date("started_at", params.time_zone))
    begun = plain_party_days("visits", dated, visit_fact())
    return sum_by_party_day([party_day_changes(facts, delivered), begun], {**facts, "visits": visit_fact()})
