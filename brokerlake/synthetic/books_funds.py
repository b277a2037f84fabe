"""Open-end funds: ordered on T, confirmed on T+1 at the net value of T, redemption money on T+3."""

from __future__ import annotations

import numpy as np

from brokerlake.synthetic.books_state import (
    PENDING,
    RECEIVABLES,
    Integers,
    Ledger,
    Rows,
    amounts,
    joined,
    taken,
)
from brokerlake.synthetic.fees import RATE_SCALE, DayFees, round_half_up
from brokerlake.synthetic.market import Market

SETTLEMENT_DAYS = 3  # trading days from a redemption order to its money
_UNIT_SCALE = 10_000  # cents x this / net value units = 1/100 fund units


def receive(ledger: Ledger, day: int) -> None:
    """Money of redemptions that arrives today becomes cash."""
    due = ledger.receivables["settles"] == day
    ledger.post(ledger.receivables["account"][due], ledger.receivables["amount"][due])
    ledger.receivables = taken(ledger.receivables, ~due)


def confirm(ledger: Ledger, market: Market, day: int, fees: DayFees) -> Rows:
    """Confirms yesterday's fund orders; returns their executions (order and seconds are yesterday's).

    Columns: order, account, product, side, quantity, price, amount, commission, seconds.
    """
    orders = ledger.pending
    ledger.pending = joined([], PENDING)
    product = orders["product"]
    price = market.close[max(day - 1, 0)][product]
    is_out = orders["redeems"] > 0
    out_amount = amounts(orders["quantity"], price)
    out_fee = round_half_up(out_amount * fees.redemption_fee[product], RATE_SCALE)
    net = round_half_up(orders["money"] * RATE_SCALE, RATE_SCALE + fees.subscription_fee[product])
    units = round_half_up(net * _UNIT_SCALE, price)
    executions = {
        "order": orders["order"],
        "account": orders["account"],
        "product": product,
        "side": np.where(is_out, -1, 1),
        "quantity": np.where(is_out, orders["quantity"], units),
        "price": price,
        "amount": np.where(is_out, out_amount, net),
        "commission": np.where(is_out, out_fee, orders["money"] - net),
        "seconds": orders["seconds"],
    }
    _post(executions, ledger, day)
    return executions


def _post(executions: Rows, ledger: Ledger, day: int) -> None:
    """Units in (sellable tomorrow), units out against a receivable."""
    bought, sold = executions["side"] > 0, executions["side"] < 0
    enter, leave = taken(executions, bought), taken(executions, sold)
    held = ledger.positions
    held.add(enter["account"], enter["product"], enter["quantity"], enter["amount"] + enter["commission"], True)
    held.remove(leave["account"], leave["product"], leave["quantity"], thaw=True)
    arriving = {
        "account": leave["account"],
        "amount": leave["amount"] - leave["commission"],
        "settles": np.full(len(leave["account"]), day - 1 + SETTLEMENT_DAYS, dtype=np.int64),
    }
    ledger.receivables = joined([ledger.receivables, arriving], RECEIVABLES)


def place(ledger: Ledger, orders: Rows, numbers: Integers, seconds: Integers) -> None:
    """Takes fund orders in: money leaves cash, units to be redeemed are frozen."""
    redeems = orders["side"] < 0
    ledger.post(orders["account"], -orders["money"])
    ledger.positions.freeze(orders["account"][redeems], orders["product"][redeems], orders["quantity"][redeems])
    entered = {
        "account": orders["account"],
        "product": orders["product"],
        "redeems": redeems.astype(np.int64),
        "money": orders["money"],
        "quantity": orders["quantity"],
        "order": numbers,
        "seconds": seconds,
    }
    ledger.pending = joined([ledger.pending, entered], PENDING)
