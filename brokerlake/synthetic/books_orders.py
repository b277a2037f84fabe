"""Which orders an account sends on a day: wishes as rows, sized so that cash and holdings suffice.

An order row: account, product, side (+1 in, -1 out), financed, system (0/1), quantity (1/100 units; 0 for fund
subscriptions), money (cents; fund subscriptions only).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brokerlake.synthetic.books_state import AMOUNT_UNITS, Integers, Ledger, Rows, joined
from brokerlake.synthetic.books_traits import MARGIN, PLAN_PERIOD, Traits
from brokerlake.synthetic.market import Market

ORDERS = ("account", "product", "side", "financed", "system", "quantity", "money")
_FEE_ROOM = 997  # per mille of the money that may go into shares, the rest covers fees by rate
_FEE_FLOOR = 1_000  # cents kept back per order for minimum fees
_LEVERAGE = 0.5  # financing principal per net assets

Flags = NDArray[np.bool_]


def order_rows(account: Integers, product: Integers, side: int, **columns: Integers) -> Rows:
    """Order rows; columns not given are 0."""
    rows = {name: np.zeros(len(account), dtype=np.int64) for name in ORDERS}
    rows |= {"account": account, "product": product, "side": np.full(len(account), side, dtype=np.int64)}
    return rows | {name: np.asarray(column, dtype=np.int64) for name, column in columns.items()}


def wanted_orders(traits: Traits, may_trade: Flags, pace: float, scale: float, draw: np.random.Generator) -> Integers:
    """Number of orders per account that its owner has in mind today; `scale` multiplies the usual number."""
    chance = np.minimum(traits.trade_chance * pace * min(scale, 3.0), 0.97)
    trades = may_trade & (draw.random(len(chance)) < chance)
    extra = draw.poisson(np.maximum(traits.mean_orders * max(scale / 3.0, 1.0) - 1.0, 0.0))
    return np.where(trades, 1 + extra, 0)


def sell_orders(ledger: Ledger, market: Market, account: Integers, count: Integers, draw: np.random.Generator) -> Rows:
    """`count` sales or redemptions per account, of positions chosen at random; none where nothing is sellable."""
    held = ledger.positions
    sellable = held.sellable
    usable = np.flatnonzero(sellable > 0)
    owner = held.account[usable]
    first, behind = np.searchsorted(owner, account, "left"), np.searchsorted(owner, account, "right")
    repeated = np.repeat(np.arange(len(account)), np.where(behind > first, count, 0))
    chosen = first[repeated] + np.floor(draw.random(len(repeated)) * (behind - first)[repeated]).astype(np.int64)
    position, orders = np.unique(usable[chosen], return_counts=True)
    lot = market.listed.lot[held.product[position]]
    part = np.floor(sellable[position] * draw.uniform(0.2, 0.8, len(position))).astype(np.int64) // lot * lot
    total = np.where((draw.random(len(position)) < 0.55) | (part == 0), sellable[position], part)
    return _split(held.account[position], held.product[position], total, orders, lot)


def _split(account: Integers, product: Integers, total: Integers, orders: Integers, lot: Integers) -> Rows:
    """Each total in at most `orders` orders of whole lots; the last takes the rest."""
    orders = np.clip(total // lot, 1, orders)
    each = total // orders // lot * lot
    at = np.repeat(np.arange(len(total)), orders)
    is_last = np.append(np.diff(at) > 0, True) if len(at) else np.zeros(0, dtype=bool)
    quantity = np.where(is_last, (total - each * (orders - 1))[at], each[at])
    return order_rows(account[at], product[at], -1, quantity=quantity)


def buy_orders(
    ledger: Ledger,
    traits: Traits,
    market: Market,
    day: int,
    account: Integers,
    count: Integers,
    draw: np.random.Generator,
) -> Rows:
    """`count` purchases per account of favourite products, paid from cash or, now and then, from the house's credit.

    Sized at the day's high, so that any price of the day can be paid, fees included.
    """
    financed = (traits.kind[account] == MARGIN) & (draw.random(len(account)) < 0.3)
    net = ledger.net_assets(market.close[max(day - 1, 0)])[account]
    credit = np.maximum(np.floor(net * _LEVERAGE).astype(np.int64) - ledger.principal[account], 0)
    budget = np.where(financed, credit, ledger.cash[account]) * draw.uniform(0.3, 0.95, len(account))
    money = np.floor(budget).astype(np.int64) // np.maximum(count, 1) - _FEE_FLOOR
    at = np.repeat(np.arange(len(account)), count)
    product = traits.favourites(account[at], traits.random_slots(draw, len(at)), day)
    is_fund = market.listed.is_fund[product]
    lot = market.listed.lot[product]
    quantity = money[at] * _FEE_ROOM // 1_000 * AMOUNT_UNITS // market.high[day, product] // lot * lot
    whole_money = money[at] // 10_000 * 10_000
    rows = order_rows(
        account[at],
        product,
        1,
        financed=financed[at],
        quantity=np.where(is_fund, 0, quantity),
        money=np.where(is_fund, whole_money, 0),
    )
    possible = (rows["quantity"] > 0) | (rows["money"] > 0)
    return {name: column[possible] for name, column in rows.items()}


def plan_orders(ledger: Ledger, traits: Traits, day: int, may_trade: Flags) -> Rows:
    """The day's savings-plan subscriptions, sent by the system where the cash suffices."""
    due = may_trade & (traits.plan_money > 0) & ((day + traits.plan_phase) % PLAN_PERIOD == 0)
    account = np.flatnonzero(due & (ledger.cash >= traits.plan_money))
    product = traits.favourites(account, np.zeros(len(account), dtype=np.int64), day)
    money = traits.plan_money[account]
    return order_rows(account, product, 1, money=money, system=np.ones(len(account), dtype=np.int64))


def liquidations(ledger: Ledger, traits: Traits, market: Market, leaving: Flags, forced: Flags) -> Rows:
    """Everything sellable of accounts that leave or are sold out by the house; movers keep what they carry away."""
    held = ledger.positions
    carried = traits.moves_out & traits.leaves_openly()
    keeps = carried[held.account] & ~market.listed.is_fund[held.product]
    out = (leaving[held.account] & ~keeps) | forced[held.account]
    chosen = np.flatnonzero(out & (held.sellable > 0))
    account = held.account[chosen]
    return order_rows(
        account,
        held.product[chosen],
        -1,
        quantity=held.sellable[chosen],
        system=(forced[account] & ~leaving[account]).astype(np.int64),
    )


def without_doubles(first: Rows, second: Rows) -> Rows:
    """Both, less the second's rows of accounts that the first already sells out."""
    keep = ~np.isin(second["account"], first["account"])
    return joined([first, {name: column[keep] for name, column in second.items()}], ORDERS)
