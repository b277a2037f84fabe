"""The CDNOW purchase log, as the trading extract of a young firm.

The file is part of the package `lifetimes` (only the file is read). Source: Fader and Hardie, Forecasting repeat
sales at CDNOW, Interfaces 31 (2001). A purchase becomes an execution, a purchaser a customer with one account.
"""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

from tests.e2e.deliveries import deliver

FIRST, LAST = date(1997, 1, 1), date(1998, 6, 30)
Purchase = tuple[str, date, int, Decimal]


def purchases() -> Iterator[Purchase]:
    """Customer, day, discs and dollars of every purchase of the full file, in its order."""
    found = importlib.util.find_spec("lifetimes")
    assert found is not None and found.origin is not None
    path = Path(found.origin).parent / "datasets" / "CDNOW_master.txt"
    for line in path.read_text(encoding="ascii").splitlines()[1:]:
        customer, day, discs, dollars = line.split()
        yield customer, date(int(day[:4]), int(day[4:6]), int(day[6:])), int(discs), Decimal(dollars)


def write_landing(landing: Path, last: date = LAST, customers: int | None = None) -> None:
    """Deliveries to `last` of the first `customers` (all when None): executions every natural day, people on days that
    bring new ones.
    """
    by_day: dict[date, list[tuple[int, Purchase]]] = defaultdict(list)
    first_day: dict[str, date] = {}
    for at, purchase in enumerate(purchases()):
        if customers is None or int(purchase[0]) <= customers:
            by_day[purchase[1]].append((at, purchase))
            first_day.setdefault(purchase[0], purchase[1])
    starters: dict[date, list[str]] = defaultdict(list)
    for customer, day in first_day.items():
        starters[day].append(customer)
    number = 0
    for offset in range((last - FIRST).days + 1):
        day = FIRST + timedelta(days=offset)
        if starters[day]:
            _deliver_people(landing, day, starters[day], number)
            number += len(starters[day])
        deliver(landing, "trading_executions", day, [_execution(at, purchase) for at, purchase in by_day[day]])


def _deliver_people(landing: Path, day: date, starters: list[str], number: int) -> None:
    stamp = f"{day} 00:00:00"
    changes = [
        {"change_seq": str(number + at), "op": "I", "customer_no": f"C{customer}", "changed_at": stamp}
        for at, customer in enumerate(starters, 1)
    ]
    people = [
        {**c, "customer_kind": "person", "name": f"Buyer {c['customer_no']}", "opened_channel": "app"} for c in changes
    ]
    accounts = [
        {**c, "account_id": f"A{c['customer_no']}", "account_kind": "cash", "opened_on": str(day), "status": "open"}
        for c in changes
    ]
    deliver(landing, "crm_customers", day, people, kind="changes")
    deliver(landing, "trading_accounts", day, accounts, kind="changes")


def _execution(at: int, purchase: Purchase) -> dict[str, str]:
    customer, day, discs, dollars = purchase
    price = (dollars / discs).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)
    return {
        "execution_id": f"X{at:06d}",
        "revision": "0",
        "order_id": f"O{at:06d}",
        "account_id": f"AC{customer}",
        "product_id": "CD",
        "business_kind": "buy",
        "quantity": str(discs),
        "price": str(price),
        "currency": "CNY",
        "amount": str(dollars),
        "commission": str(dollars),
        "commission_basis": "net",
        "exchange_fee": "0",
        "regulatory_fee": "0",
        "stamp_duty": "0",
        "transfer_fee": "0",
        "executed_at": f"{day} 12:00:00",
        "is_busted": "false",
    }
