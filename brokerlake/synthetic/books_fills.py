"""Fills of traded orders: split into lots, priced within the day's bar, charged by the day's tariff."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brokerlake.synthetic.books_state import Array, Integers, Ledger, Rows, amounts, totals
from brokerlake.synthetic.books_traits import Traits
from brokerlake.synthetic.fees import RATE_SCALE, DayFees, round_half_up, share_by_amount
from brokerlake.synthetic.market import Market

MORNING, AFTERNOON, TRADING_SECONDS = 9 * 3600 + 1800, 13 * 3600, 4 * 3600
_LUNCH = 5_400
_MOST_FILLS = 60
USUAL_FILLS = 1.9  # mean fills of an order large enough to be split
# Share of the day's trades by the end of each stretch of trading time: busy after the opening and before the close.
_CLOCK_SHARE = np.array([0.0, 0.22, 0.38, 0.50, 0.62, 0.74, 1.0])
_CLOCK_SECONDS = np.array([0, 1_800, 4_500, 7_200, 9_600, 12_000, TRADING_SECONDS - 30])


def session_seconds(share: NDArray[np.float64] | Array) -> Integers:
    """Second of the day for a position 0-1 in the day's trades; never in the lunch break."""
    inside = np.interp(share, _CLOCK_SHARE, _CLOCK_SECONDS).astype(np.int64)
    return MORNING + inside + np.where(inside >= TRADING_SECONDS // 2, _LUNCH, 0)


def make_fills(orders: Rows, market: Market, day: int, wanted: int | None, draw: np.random.Generator) -> Rows:
    """Fill rows of traded orders, sorted by order: order (row of `orders`), quantity, price, amount, seconds.

    `wanted` is the number of fills in all, about; None for the usual number per order.
    """
    count = len(orders["account"])
    product = orders["product"]
    lots = np.maximum(orders["quantity"] // market.listed.lot[product], 1)
    fills = _fills_per_order(np.minimum(lots, _MOST_FILLS), wanted, draw)
    order = np.repeat(np.arange(count), fills)
    each = orders["quantity"] // fills // market.listed.lot[product] * market.listed.lot[product]
    is_last = np.append(np.diff(order) > 0, True) if len(order) else np.zeros(0, dtype=bool)
    quantity = np.where(is_last, (orders["quantity"] - each * (fills - 1))[order], each[order])
    price = _prices(product, order, market, day, draw)
    return {
        "order": order,
        "quantity": quantity,
        "price": price,
        "amount": amounts(quantity, price),
        "seconds": _times(count, order, draw),
    }


def _fills_per_order(most: Integers, wanted: int | None, draw: np.random.Generator) -> Integers:
    """One fill and some more per order, at most `most`; many small orders, few large ones."""
    size, chance = draw.gamma(1.5, 1 / 1.5, len(most)), draw.random(len(most))

    def fills(mean: float) -> Integers:
        return np.minimum(1 + np.floor(mean * size + chance).astype(np.int64), most)

    if wanted is None:
        return fills(USUAL_FILLS - 1.0)
    low, high = 0.0, float(_MOST_FILLS)
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if int(fills(middle).sum()) < wanted else (low, middle)
    return fills(high)


def _prices(product: Integers, order: Integers, market: Market, day: int, draw: np.random.Generator) -> Integers:
    """A price on the tick between the day's low and high; the fills of an order lie close together."""
    low, high = market.low[day, product], market.high[day, product]
    level = draw.random(len(product))
    place = np.clip(level[order] + draw.normal(0, 0.03, len(order)), 0, 1)
    tick = market.listed.tick[product][order]
    wanted = low[order] + np.floor((high - low)[order] * place).astype(np.int64)
    return np.clip(wanted // tick * tick, low[order], high[order])


def _times(count: int, order: Integers, draw: np.random.Generator) -> Integers:
    """Second of the day per fill, within the trading session."""
    start = draw.random(count)
    return session_seconds(np.minimum(start[order] + draw.exponential(0.002, len(order)), 0.9999))


def charge(fills: Rows, orders: Rows, ledger: Ledger, traits: Traits, fees: DayFees) -> Rows:
    """Adds the fees to fill rows, cents: commission (minimum per order, spread over its fills), exchange_fee …

    `fees` is what the customer pays in all: exchange's and regulator's fees on top only where the account pays net.
    """
    order, amount = fills["order"], fills["amount"]
    account, product = orders["account"][order], orders["product"][order]
    count = len(orders["account"])
    rate, floor = ledger.commission[orders["account"]], fees.minimum_commission[orders["product"]]
    whole = np.maximum(floor, round_half_up(totals(order, amount, count) * rate, RATE_SCALE))
    sold = orders["side"][order] < 0
    charged = {
        "commission": share_by_amount(whole, amount, order, count),
        "exchange_fee": round_half_up(amount * fees.exchange_fee[product], RATE_SCALE),
        "regulatory_fee": round_half_up(amount * fees.regulatory_fee[product], RATE_SCALE),
        "stamp_duty": np.where(sold, round_half_up(amount * fees.stamp_duty[product], RATE_SCALE), 0),
        "transfer_fee": round_half_up(amount * fees.transfer_fee[product], RATE_SCALE),
    }
    is_net = traits.pays_net[account]
    on_top = np.where(is_net, charged["exchange_fee"] + charged["regulatory_fee"], 0)
    paid = charged["commission"] + charged["stamp_duty"] + charged["transfer_fee"] + on_top
    return fills | charged | {"is_net": is_net, "fees": paid}


def post_fills(fills: Rows, orders: Rows, ledger: Ledger) -> None:
    """Moves shares and money: bought shares are fresh, sale proceeds not yet withdrawable."""
    order = fills["order"]
    account, product, side = (orders[name][order] for name in ("account", "product", "side"))
    financed = orders["financed"][order] > 0
    bought, sold = side > 0, side < 0
    ledger.positions.remove(account[sold], product[sold], fills["quantity"][sold])
    ledger.positions.add(
        account[bought], product[bought], fills["quantity"][bought], (fills["amount"] + fills["fees"])[bought], True
    )
    cash = np.where(sold, fills["amount"] - fills["fees"], -(fills["amount"] + fills["fees"]))
    np.add.at(ledger.principal, account[financed], -cash[financed])
    ledger.post(account[~financed], cash[~financed])
    np.add.at(ledger.proceeds, account[sold], cash[sold])
