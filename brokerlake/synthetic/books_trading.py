"""One day's trading: wishes become orders, orders become fills, and both become rows for the tables.

Sales come first, so that their proceeds can pay the day's purchases.
"""

from __future__ import annotations

import numpy as np

from brokerlake.synthetic import books_funds, books_orders
from brokerlake.synthetic.books_fills import USUAL_FILLS, charge, make_fills, post_fills, session_seconds
from brokerlake.synthetic.books_orders import ORDERS
from brokerlake.synthetic.books_state import Integers, Ledger, Rows, joined, taken
from brokerlake.synthetic.books_tables import ACCEPTED, APP, CANCELLED, CHANNELS, FILLED, PARTIAL, SYSTEM
from brokerlake.synthetic.books_traits import Traits
from brokerlake.synthetic.draws import stream
from brokerlake.synthetic.fees import DayFees
from brokerlake.synthetic.market import Market

ORDER_ROWS = (*ORDERS, "number", "seconds", "limit", "status", "channel", "whim")
FILL_ROWS = (
    "number",
    "account",
    "product",
    "side",
    "financed",
    "quantity",
    "price",
    "amount",
    "commission",
    "exchange_fee",
    "regulatory_fee",
    "stamp_duty",
    "transfer_fee",
    "seconds",
    "is_net",
    "is_fund",
    "is_busted",
)
_CANCELLED_SHARE, _PARTIAL_SHARE, _BUSTED_SHARE = 0.07, 0.04, 0.0004
_AFFORDED = 0.6  # part of the wanted purchases that customers have the money for
_CHANNEL_SHARE = np.array(  # rows: personas; columns: CHANNELS without system
    [
        [0.45, 0.05, 0.465, 0.01, 0.005, 0.02],
        [0.70, 0.05, 0.21, 0.01, 0.01, 0.02],
        [0.85, 0.08, 0.02, 0.01, 0.02, 0.02],
        [0.82, 0.07, 0.06, 0.01, 0.02, 0.02],
        [0.70, 0.08, 0.05, 0.05, 0.10, 0.02],
        [0.50, 0.05, 0.25, 0.05, 0.05, 0.10],
    ]
)


class TradingDay:
    """The orders and fills of one day, posted to the ledger as they come.

    Args:
        executions: how many executions the day should have, about; None for the customers' own pace.
    """

    def __init__(
        self, ledger: Ledger, traits: Traits, market: Market, fees: DayFees, seed: int, day: int, executions: int | None
    ):
        self._ledger, self._traits, self._market, self._fees = ledger, traits, market, fees
        self._day = day
        self._draw = stream(seed, "trading", day)
        self._looks = stream(seed, "orders", day)
        self._target = executions
        self._orders: list[Rows] = []
        self._fills: list[Rows] = []
        self._number = 0

    def run(self, may_trade: np.ndarray, leaving: np.ndarray, forced: np.ndarray) -> None:
        """Sales and redemptions, savings plans, purchases and subscriptions."""
        wanted = self._wanted(may_trade)
        sales = self._draw.binomial(wanted, 0.5)
        seller = np.flatnonzero(sales)
        out = books_orders.liquidations(self._ledger, self._traits, self._market, leaving, forced)
        own = books_orders.sell_orders(self._ledger, self._market, seller, sales[seller], self._draw)
        self._send(books_orders.without_doubles(out, own), int((wanted - sales).sum() * _AFFORDED))
        self._send(books_orders.plan_orders(self._ledger, self._traits, self._day, may_trade), 0)
        buyer = np.flatnonzero(wanted - sales)
        count = (wanted - sales)[buyer]
        bought = books_orders.buy_orders(self._ledger, self._traits, self._market, self._day, buyer, count, self._draw)
        self._send(bought, 0)

    def _wanted(self, may_trade: np.ndarray) -> Integers:
        """Orders per account; with a target, enough of them that a few fills each reach it."""
        traits, pace = self._traits, float(self._market.pace[self._day])
        usual = float((traits.trade_chance * traits.mean_orders)[may_trade].sum()) * pace * USUAL_FILLS
        ratio = 1.0 if self._target is None else self._target / max(usual, 1.0)
        return books_orders.wanted_orders(traits, may_trade, pace, min(ratio, max(ratio / 1.3, 1.0)), self._draw)

    def _wanted_fills(self, orders: int, later_orders: int) -> int | None:
        """With a target, what is still missing of it, less a share for the orders that come later."""
        if self._target is None:
            return None
        missing = self._target - sum(len(fills["number"]) for fills in self._fills)
        return missing * orders // max(orders + later_orders, 1)

    def _send(self, orders: Rows, later_orders: int) -> None:
        """Numbers the orders; fills what is traded, hands the rest to the funds."""
        is_fund = self._market.listed.is_fund[orders["product"]]
        self._place_funds(taken(orders, is_fund))
        self._trade(taken(orders, ~is_fund), later_orders)

    def _numbers(self, count: int) -> Integers:
        first, self._number = self._number + 1, self._number + count
        return np.arange(first, first + count, dtype=np.int64)

    def _place_funds(self, orders: Rows) -> None:
        size = len(orders["account"])
        number, seconds = self._numbers(size), session_seconds(self._draw.random(size))
        books_funds.place(self._ledger, orders, number, seconds)
        self._keep_orders(orders, number, seconds, np.zeros(size, dtype=np.int64), np.full(size, ACCEPTED))

    def _trade(self, orders: Rows, later_orders: int) -> None:
        size = len(orders["account"])
        number = self._numbers(size)
        fills = make_fills(orders, self._market, self._day, self._wanted_fills(size, later_orders), self._draw)
        fills = charge(fills, orders, self._ledger, self._traits, self._fees)
        post_fills(fills, orders, self._ledger)
        self._keep_fills(fills, orders, number)
        if size:
            self._keep_traded(orders, fills, number)

    def _keep_fills(self, fills: Rows, orders: Rows, number: Integers) -> None:
        """Fill rows for the table; a few are told twice, the second time as busted."""
        order = fills["order"]
        none = np.zeros(len(order), dtype=bool)
        rows = fills | {name: orders[name][order] for name in ("account", "product", "side", "financed")}
        rows |= {"number": number[order], "is_fund": none, "is_busted": none}
        busted = taken(rows, self._looks.random(len(order)) < _BUSTED_SHARE)
        busted["is_busted"] = ~busted["is_busted"]
        self._fills += [rows, busted]

    def _keep_traded(self, orders: Rows, fills: Rows, number: Integers) -> None:
        """Order rows of traded orders, some only partly filled, and some more that were cancelled."""
        looks, day, product = self._looks, self._day, orders["product"]
        begins = np.flatnonzero(np.append(True, np.diff(fills["order"]) > 0))
        seconds = np.minimum.reduceat(fills["seconds"], begins) - looks.integers(1, 240, len(number))
        is_buy, tick = orders["side"] > 0, self._market.listed.tick[product]
        worst = np.where(
            is_buy, np.maximum.reduceat(fills["price"], begins), np.minimum.reduceat(fills["price"], begins)
        )
        limit = worst + orders["side"] * tick * looks.integers(0, 4, len(number))
        partial = (looks.random(len(number)) < _PARTIAL_SHARE) & (orders["system"] == 0) & is_buy
        wished = orders | {"quantity": orders["quantity"] + np.where(partial, self._market.listed.lot[product], 0)}
        self._keep_orders(wished, number, seconds, limit, np.where(partial, PARTIAL, FILLED))
        given_up = np.flatnonzero((looks.random(len(number)) < _CANCELLED_SHARE) & (orders["system"] == 0))
        reference = self._market.reference[day, product[given_up]]
        far = (reference * (100 - 3 * orders["side"][given_up]) // 100) // tick[given_up] * tick[given_up]
        self._keep_orders(
            taken(orders, given_up),
            self._numbers(len(given_up)),
            session_seconds(looks.random(len(given_up))),
            far,
            np.full(len(given_up), CANCELLED),
        )

    def _keep_orders(
        self, orders: Rows, number: Integers, seconds: Integers, limit: Integers, status: Integers
    ) -> None:
        size = len(number)
        share = _CHANNEL_SHARE.cumsum(axis=1)[self._traits.persona[orders["account"]], : len(CHANNELS) - 2]
        channel = (self._looks.random(size)[:, None] > share).sum(axis=1) + APP
        channel = np.where(orders["system"] > 0, SYSTEM, channel)
        kept = {"number": number, "seconds": seconds, "limit": limit, "status": status, "channel": channel}
        self._orders.append(orders | kept | {"whim": self._looks.integers(0, 1_000, size)})

    def orders(self) -> Rows:
        """All orders of the day."""
        return joined(self._orders, ORDER_ROWS)

    def fills(self, confirmed: Rows) -> Rows:
        """All fills of the day and the confirmed fund orders."""
        size = len(confirmed["account"])
        none, no, yes = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=bool), np.ones(size, dtype=bool)
        fees = dict.fromkeys(("exchange_fee", "regulatory_fee", "stamp_duty", "transfer_fee", "financed"), none)
        rows = confirmed | fees | {"number": confirmed["order"], "is_net": yes, "is_fund": yes, "is_busted": no}
        return joined([rows, *self._fills], FILL_ROWS)
