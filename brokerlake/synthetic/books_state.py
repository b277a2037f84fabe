"""What the books remember from day to day: cash, debts, positions, fund orders under way; integers only.

Units: money in cents, quantities in 1/100 share or fund unit, prices and net values in 1/10,000 CNY.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerlake.synthetic.fees import round_half_up

Array = NDArray[Any]
Rows = dict[str, Array]
Integers = NDArray[np.int64]

NOT_OPEN, OPEN, CLOSED = range(3)
WIDTH = 4096  # position key = account x WIDTH + product
AMOUNT_UNITS = 10_000  # quantity units x price units per cent

PENDING = ("account", "product", "redeems", "money", "quantity", "order", "seconds")
RECEIVABLES = ("account", "amount", "settles")
_ACCOUNT_STATE = ("cash", "proceeds", "principal", "owed", "interest_base", "status", "commission")
_POSITION_STATE = ("key", "quantity", "fresh", "frozen", "cost")


def amounts(quantity: Integers, price: Integers) -> Integers:
    """The value of quantities at prices, cents, halves up."""
    return round_half_up(quantity * price, AMOUNT_UNITS)


def totals(group: Integers, value: Integers, size: int) -> Integers:
    """Exact sum of `value` per group index below `size`."""
    summed = np.zeros(size, dtype=np.int64)
    np.add.at(summed, group, value)
    return summed


def taken(rows: Rows, chosen: Array) -> Rows:
    """The chosen rows (mask or index) of every column."""
    return {name: column[chosen] for name, column in rows.items()}


def joined(parts: Sequence[Rows], names: Sequence[str]) -> Rows:
    """The parts one below the other; no part gives columns without rows."""
    none = np.zeros(0, dtype=np.int64)
    return {name: np.concatenate([part[name] for part in parts]) if parts else none for name in names}


class Positions:
    """Holdings as parallel arrays sorted by key.

    Attributes:
        key: account index x WIDTH + product index, ascending and distinct.
        quantity: 1/100 units; 0 until the end of the day on which the position was closed.
        fresh: part of it that came today and is not sellable.
        frozen: part of it ordered to be redeemed.
        cost: cents, average cost.
    """

    def __init__(self) -> None:
        self.key, self.quantity, self.fresh, self.frozen, self.cost = (np.zeros(0, dtype=np.int64) for _ in range(5))

    @property
    def account(self) -> Integers:
        """Account index per position."""
        return self.key // WIDTH

    @property
    def product(self) -> Integers:
        """Product index per position."""
        return self.key % WIDTH

    @property
    def sellable(self) -> Integers:
        """What may be sold or redeemed now."""
        return self.quantity - self.fresh - self.frozen

    def begin_day(self) -> None:
        """Forgets closed positions; what came yesterday is sellable from now on."""
        held = self.quantity > 0
        for name in _POSITION_STATE:
            setattr(self, name, getattr(self, name)[held])
        self.fresh = np.zeros(len(self.key), dtype=np.int64)

    def values(self, price: Integers) -> Integers:
        """Market value per position in cents at the given prices per product."""
        return amounts(self.quantity, price[self.product])

    def add(self, account: Integers, product: Integers, quantity: Integers, cost: Integers, fresh: bool) -> None:
        """Takes in quantities (several rows may name one position)."""
        keys, group = np.unique(account * WIDTH + product, return_inverse=True)
        self._make_room(keys[~np.isin(keys, self.key, assume_unique=True)])
        at = np.searchsorted(self.key, keys)
        more = totals(group, quantity, len(keys))
        self.quantity[at] += more
        self.cost[at] += totals(group, cost, len(keys))
        if fresh:
            self.fresh[at] += more

    def _make_room(self, keys: Integers) -> None:
        """Inserts empty positions for new keys (ascending)."""
        at = np.searchsorted(self.key, keys)
        self.key = np.insert(self.key, at, keys)
        for name in _POSITION_STATE[1:]:
            setattr(self, name, np.insert(getattr(self, name), at, 0))

    def remove(self, account: Integers, product: Integers, quantity: Integers, thaw: bool = False) -> None:
        """Gives out quantities that are held; `thaw`: they had been frozen. Raises ValueError when short."""
        keys, group = np.unique(account * WIDTH + product, return_inverse=True)
        at = np.searchsorted(self.key, keys)
        less = totals(group, quantity, len(keys))
        if not np.isin(keys, self.key, assume_unique=True).all() or (self.quantity[at] < less).any():
            raise ValueError("the books would hold less than nothing")
        leaving_share = less / np.maximum(self.quantity[at], 1)
        self.cost[at] -= np.floor(self.cost[at] * leaving_share).astype(np.int64)
        self.quantity[at] -= less
        if thaw:
            self.frozen[at] -= less

    def freeze(self, account: Integers, product: Integers, quantity: Integers) -> None:
        """Marks quantities as ordered to be redeemed."""
        np.add.at(self.frozen, np.searchsorted(self.key, account * WIDTH + product), quantity)


class Ledger:
    """Everything the books remember, one entry per account of the population.

    Attributes:
        cash: cents.
        proceeds: cents from today's sales, withdrawable tomorrow.
        principal: cents financed by the house.
        owed: cents of financing interest not yet paid.
        interest_base: cents x natural days since interest was last paid.
        status: NOT_OPEN, OPEN or CLOSED.
        commission: rate, parts per 10^8.
        positions: holdings.
        pending: fund orders of the day before, to be confirmed.
        receivables: money of confirmed redemptions and the day it arrives.
        change_number: last change_seq given out.
        last_day: the day up to which the books are kept, -1 before the first.
    """

    def __init__(self, commission: Integers):
        size = len(commission)
        self.cash, self.proceeds, self.principal, self.owed, self.interest_base, self.status = (
            np.zeros(size, dtype=np.int64) for _ in range(6)
        )
        self.commission = commission.copy()
        self.positions = Positions()
        self.pending = joined([], PENDING)
        self.receivables = joined([], RECEIVABLES)
        self.change_number = 0
        self.last_day = -1

    def __len__(self) -> int:
        return len(self.cash)

    def post(self, account: Integers, amount: Integers) -> None:
        """Adds signed cents to cash; several rows may name one account. Raises ValueError when overdrawn."""
        np.add.at(self.cash, account, amount)
        if len(account) and int(self.cash[account].min()) < 0:
            raise ValueError("the books would hold less than no cash")

    def in_transit(self) -> Integers:
        """Cents on their way into funds, per account."""
        return totals(self.pending["account"], self.pending["money"], len(self))

    def receivable(self) -> Integers:
        """Cents of confirmed redemptions not yet arrived, per account."""
        return totals(self.receivables["account"], self.receivables["amount"], len(self))

    def withdrawable(self) -> Integers:
        """Cents that may leave today: no sales of today, nothing while the house is owed."""
        free = np.maximum(self.cash - self.proceeds, 0)
        return np.where(self.principal + self.owed > 0, 0, free)

    def market_value(self, price: Integers) -> Integers:
        """Cents of all positions per account at the given prices per product."""
        return totals(self.positions.account, self.positions.values(price), len(self))

    def net_assets(self, price: Integers) -> Integers:
        """Cents per account."""
        own = self.market_value(price) + self.cash + self.in_transit() + self.receivable()
        return own - self.principal - self.owed

    def state(self) -> dict[str, Array]:
        """Copies of everything, as plain arrays."""
        saved = {name: getattr(self, name).copy() for name in _ACCOUNT_STATE}
        saved |= {f"position_{name}": getattr(self.positions, name).copy() for name in _POSITION_STATE}
        saved |= {f"pending_{name}": column.copy() for name, column in self.pending.items()}
        saved |= {f"receivable_{name}": column.copy() for name, column in self.receivables.items()}
        saved["counters"] = np.array([self.change_number, self.last_day], dtype=np.int64)
        return saved

    def restore(self, saved: dict[str, Array]) -> None:
        """Takes over a state; raises ValueError when it is one of another population."""
        if len(saved["cash"]) != len(self):
            raise ValueError(f"state of {len(saved['cash'])} accounts, population of {len(self)}")
        for name in _ACCOUNT_STATE:
            setattr(self, name, saved[name].copy())
        for name in _POSITION_STATE:
            setattr(self.positions, name, saved[f"position_{name}"].copy())
        self.pending = {name: saved[f"pending_{name}"].copy() for name in PENDING}
        self.receivables = {name: saved[f"receivable_{name}"].copy() for name in RECEIVABLES}
        self.change_number, self.last_day = (int(number) for number in saved["counters"])
