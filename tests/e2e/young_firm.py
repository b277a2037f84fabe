"""A firm of a few customers with the three feeds of conf/young_firm: nights that cost seconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from brokerlake.lake import Lake
from brokerlake.settings import Settings
from tests.conftest import PROJECT
from tests.e2e import nights
from tests.e2e.deliveries import deliver

CONF = PROJECT / "conf" / "young_firm"
FEED = "trading_executions"
CUSTOMERS = 3


def open_firm(home: Path, like: Settings) -> Lake:
    """The firm's lake in a home of its own."""
    return nights.open_scratch(home, like, CONF)


def execution(name: str, day: date, customer: int = 1, amount: str = "10.00", **more: str) -> dict[str, str]:
    """A purchase of one piece for `amount`."""
    row = {
        "execution_id": name,
        "revision": "0",
        "order_id": f"O{name}",
        "account_id": f"AC{customer}",
        "product_id": "CD",
        "business_kind": "buy",
        "quantity": "1",
        "price": amount,
        "currency": "CNY",
        "amount": amount,
        "commission": amount,
        "commission_basis": "net",
        "executed_at": f"{day} 12:00:00",
        "is_busted": "false",
    }
    fees = ("exchange_fee", "regulatory_fee", "stamp_duty", "transfer_fee")
    return {**row, **dict.fromkeys(fees, "0"), **more}


def deliver_people(lake: Lake, day: date) -> None:
    """The customers C1 to C3, an account each."""
    changes = [
        {"change_seq": str(n), "op": "I", "customer_no": f"C{n}", "changed_at": f"{day} 00:00:00"}
        for n in range(1, CUSTOMERS + 1)
    ]
    people = [
        {**c, "customer_kind": "person", "name": f"Buyer {c['customer_no']}", "opened_channel": "app"} for c in changes
    ]
    accounts = [
        {**c, "account_id": f"A{c['customer_no']}", "account_kind": "cash", "opened_on": str(day), "status": "open"}
        for c in changes
    ]
    deliver(lake.settings.landing, "crm_customers", day, people, kind="changes")
    deliver(lake.settings.landing, "trading_accounts", day, accounts, kind="changes")


def deliver_executions(lake: Lake, day: date, rows: Sequence[dict[str, str]], **more: Any) -> None:
    """One delivery of executions of a day; `more` as for `deliver`."""
    deliver(lake.settings.landing, FEED, day, rows, **more)
