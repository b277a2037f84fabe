"""A small firm that keeps its books: the rows of five feeds, night by night, the same for the same seed.

Holdings follow from executions to the last unit, so the rules of the small catalogue hold on every clean night.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

Row = dict[str, str]
Night = dict[str, list[Row]]
PRODUCTS = [f"60{number:04d}.SH" for number in range(12)]
CITIES = ["上海", "北京", "深圳", "成都"]
CENT = Decimal("0.01")
QUIET_TRADES = 4
"""Trades a night of the history, which is there for its dates and not for its size."""


@dataclass
class Firm:
    """The books of a firm; `night` moves them on by one trading day.

    Attributes:
        seed: another one is another firm.
        customers: how many it opens with; each has one account.
        trades: executions of a night.
    """

    seed: int
    customers: int = 150
    trades: int = 1000
    _cities: dict[str, str] = field(default_factory=dict)
    _open: dict[str, str] = field(default_factory=dict)
    _held: dict[tuple[str, str], int] = field(default_factory=dict)
    _last: list[Row] = field(default_factory=list)
    _changes: int = 0
    _trades_done: int = 0

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)

    def night(self, day: date, trades: int | None = None) -> Night:
        """The rows that the firm's systems hand over for `day`, by feed."""
        is_first = not self._open
        people = self._open_accounts(day) if is_first else self._change_people(day)
        orders, executions = self._trade(day, self.trades if trades is None else trades)
        positions = self._positions(day)
        return {**people, "trading_orders": orders, "trading_executions": executions, "trading_positions": positions}

    def _change(self, day: date, op: str) -> Row:
        self._changes += 1
        return {"change_seq": str(self._changes), "op": op, "changed_at": f"{day} 09:00:00"}

    def _open_accounts(self, day: date) -> Night:
        return self._people([self._opened(day, number, "S") for number in range(1, self.customers + 1)])

    def _opened(self, day: date, number: int, op: str) -> tuple[Row, Row]:
        customer, account = f"C{number:06d}", f"A{self.seed:02d}{number:08d}"
        self._cities[customer], self._open[account] = self._draw.choice(CITIES), customer
        return self._person(day, customer, op), self._account(day, account, op, "open")

    def _person(self, day: date, customer: str, op: str) -> Row:
        return {
            **self._change(day, op),
            "customer_no": customer,
            "customer_kind": "person",
            "name": f"客户{customer}",
            "phone": f"1990{int(customer[1:]):07d}",
            "city": self._cities[customer],
            "risk_level": f"C{1 + int(customer[1:]) % 5}",
            "opened_channel": "app",
        }

    def _account(self, day: date, account: str, op: str, status: str) -> Row:
        closed = {"closed_on": str(day), "close_reason": "customer"} if status == "closed" else {}
        row = {"account_id": account, "account_kind": "cash", "opened_on": "2020-01-02", "status": status, **closed}
        number = account[-6:]
        return {**self._change(day, op), "customer_no": f"C{number}", "commission_rate": "0.0003", **row}

    def _people(self, changed: Sequence[tuple[Row | None, Row | None]]) -> Night:
        return {
            "crm_customers": [person for person, _ in changed if person],
            "trading_accounts": [account for _, account in changed if account],
        }

    def _change_people(self, day: date) -> Night:
        """One opens, two move, and one without holdings closes the account."""
        changed: list[tuple[Row | None, Row | None]] = [self._opened(day, len(self._cities) + 1, "I")]
        for customer in self._draw.sample(sorted(self._cities), 2):
            self._cities[customer] = self._draw.choice(CITIES)
            changed.append((self._person(day, customer, "U"), None))
        holders = {account for account, _ in self._held}
        idle = sorted(set(self._open) - holders)
        if idle:
            leaver = self._draw.choice(idle)
            del self._open[leaver]
            changed.append((None, self._account(day, leaver, "U", "closed")))
        return self._people(changed)

    def _trade(self, day: date, count: int) -> tuple[list[Row], list[Row]]:
        orders, executions = [], []
        for at in range(count):
            order, execution = self._deal(day, at)
            orders.append(order)
            executions.append(execution)
        corrected = [self._corrected(row) for row in self._draw.sample(self._last, min(2, len(self._last)))]
        self._last = list(executions)
        return orders, [*executions, *corrected]

    def _deal(self, day: date, at: int) -> tuple[Row, Row]:
        self._trades_done += 1
        account, product = self._draw.choice(sorted(self._open)), self._draw.choice(PRODUCTS)
        held = self._held.get((account, product), 0)
        is_sale = held > 0 and self._draw.random() < 0.6
        quantity = self._draw.choice([held, max(1, held // 2)]) if is_sale else 100 * self._draw.randint(1, 9)
        self._held[account, product] = held + (-quantity if is_sale else quantity)
        price = self._price(day, product)
        amount = (quantity * price).quantize(CENT, ROUND_HALF_EVEN)
        clock = f"{day} {9 + at % 6:02d}:{at // 6 % 60:02d}:{at % 60:02d}"
        shared = {
            "order_id": f"O{self._trades_done:09d}", "account_id": account, "product_id": product,
            "business_kind": "sell" if is_sale else "buy", "quantity": str(quantity),
        }  # fmt: skip
        channel = "system" if self._draw.random() < 0.1 else "app"
        order = {**shared, "limit_price": str(price), "entry_channel": channel, "ordered_at": clock, "status": "filled"}
        fees = dict.fromkeys(("exchange_fee", "regulatory_fee", "stamp_duty", "transfer_fee"), "0")
        execution = {
            **shared, **fees, "execution_id": f"X{self._trades_done:09d}", "revision": "0", "price": str(price),
            "currency": "CNY", "amount": str(amount), "commission": "5.00", "commission_basis": "net",
            "executed_at": clock, "is_busted": "false",
        }  # fmt: skip
        return order, execution

    @staticmethod
    def _corrected(row: Row) -> Row:
        """A later revision that charges less; quantities stay."""
        return {**row, "revision": "1", "commission": "4.00"}

    def _price(self, day: date, product: str) -> Decimal:
        return Decimal(1000 + (day.toordinal() * 7 + int(product[:6]) * 13) % 500).scaleb(-2)

    def _positions(self, day: date) -> list[Row]:
        """Holdings at close, those that became nothing today included."""
        rows = []
        for (account, product), quantity in sorted(self._held.items()):
            price = self._price(day, product)
            rows.append(
                {
                    "account_id": account, "product_id": product, "position_date": str(day), "quantity": str(quantity),
                    "sellable_quantity": str(quantity), "cost_amount": "0.00", "price": str(price), "currency": "CNY",
                    "market_value": str((quantity * price).quantize(CENT, ROUND_HALF_EVEN)),
                }
            )  # fmt: skip
        self._held = {key: quantity for key, quantity in self._held.items() if quantity}
        return rows
