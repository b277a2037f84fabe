"""Cash and securities that move without a trade: bank transfers, custody, dividends, interest, fees, repayments.

A flow row: account, kind (index into FLOW_KINDS), amount (signed cents), seconds (of the day), verified (0/1).
A movement row: account, product, kind (index into MOVEMENT_KINDS), quantity (signed), value (signed cents).
"""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from brokerlake.synthetic.books_state import AMOUNT_UNITS, OPEN, Integers, Ledger, Rows, amounts, taken
from brokerlake.synthetic.books_traits import DRAIN_DAYS, FUND, SLOTS, Traits
from brokerlake.synthetic.fees import RATE_SCALE, DayFees, round_half_up
from brokerlake.synthetic.market import Market
from brokerlake.synthetic.population import WEALTHY

FLOW_KINDS = (
    "bank_in",
    "bank_out",
    "dividend",
    "dividend_tax",
    "interest",
    "financing_interest",
    "fee",
    "advisory_fee",
    "adjustment",
)
BANK_IN, BANK_OUT, DIVIDEND, DIVIDEND_TAX, INTEREST, FINANCING, FEE, ADVISORY, ADJUSTMENT = range(len(FLOW_KINDS))
MOVEMENT_KINDS = ("custody_in", "custody_out", "bonus")
CUSTODY_IN, CUSTODY_OUT, BONUS = range(len(MOVEMENT_KINDS))
FLOWS = ("account", "kind", "amount", "seconds", "verified")
MOVEMENTS = ("account", "product", "kind", "quantity", "value")
LARGE_TRANSFER = 50_000_000  # cents; larger ones are checked a second time, most of them
_YEAR = 360
_HUNDRED = 10_000  # cents
_BOOKED = 16 * 3600 + 1800  # second of the day at which the house books its own flows
_MAINTENANCE = 130  # per cent of the debt below which the house sells out

Flags = NDArray[np.bool_]


def flow_rows(
    account: Integers, kind: int, amount: Integers, seconds: Integers | int = _BOOKED, verified: Integers | int = 0
) -> Rows:
    """Flow rows of one kind, those of no cent left out."""
    size = len(account)
    rows = {
        "account": account,
        "kind": np.full(size, kind),
        "amount": amount,
        "seconds": np.broadcast_to(np.asarray(seconds, dtype=np.int64), size),
        "verified": np.broadcast_to(np.asarray(verified, dtype=np.int64), size),
    }
    return taken(rows, amount != 0)


def movement_rows(account: Integers, product: Integers, kind: int, quantity: Integers, value: Integers) -> Rows:
    """Movement rows of one kind, those of nothing left out."""
    rows = {"account": account, "product": product, "kind": np.full(len(account), kind)}
    return taken(rows | {"quantity": quantity, "value": value}, quantity != 0)


def booked(ledger: Ledger, rows: Rows) -> Rows:
    """The flow rows, after posting them to cash."""
    ledger.post(rows["account"], rows["amount"])
    return rows


def bank_seconds(draw: np.random.Generator, count: int) -> Integers:
    """Second of the day of bank transfers: 9:00-16:00."""
    return draw.integers(9 * 3600, 16 * 3600, count)


def accrue(ledger: Ledger, natural_days: int, fees: DayFees) -> None:
    """Interest of the days since the last trading day: on cash it is counted, on debts it is owed."""
    ledger.interest_base += ledger.cash * natural_days
    ledger.owed += round_half_up(ledger.principal * fees.financing_interest * natural_days, RATE_SCALE * _YEAR)


def is_interest_day(today: date, before: date) -> bool:
    """The 21st of March, June, September, December, or the first trading day after it."""
    return today.month % 3 == 0 and today.day >= 21 and (before.day < 21 or before.month != today.month)


def is_first_of_quarter(today: date, before: date) -> bool:
    """The quarter's first trading day."""
    return today.month % 3 == 1 and before.month != today.month


def pay_interest(ledger: Ledger, fees: DayFees) -> list[Rows]:
    """Interest on cash, and the interest owed as far as the cash goes."""
    account = np.flatnonzero(ledger.status == OPEN)
    earned = ledger.interest_base[account] * fees.interest // (RATE_SCALE * _YEAR)
    ledger.interest_base[account] = 0
    return [booked(ledger, flow_rows(account, INTEREST, earned)), pay_what_is_owed(ledger, account)]


def pay_what_is_owed(ledger: Ledger, account: Integers) -> Rows:
    """Financing interest paid from cash."""
    paid = np.minimum(ledger.owed[account], ledger.cash[account])
    ledger.owed[account] -= paid
    return booked(ledger, flow_rows(account, FINANCING, -paid))


def pay_advisory_fee(ledger: Ledger, traits: Traits, net_assets: Integers, fees: DayFees) -> Rows:
    """The quarter's advisory fee of accounts with a contract, as far as the cash goes."""
    account = np.flatnonzero((ledger.status == OPEN) & traits.has_adviser_contract & (net_assets > 0))
    fee = round_half_up(net_assets[account] * fees.advisory_fee, RATE_SCALE)
    return booked(ledger, flow_rows(account, ADVISORY, -np.minimum(fee, ledger.cash[account])))


def take_corporate_actions(ledger: Ledger, market: Market, day: int, fees: DayFees) -> tuple[list[Rows], list[Rows]]:
    """Dividends (with the tax withheld) and bonus shares on what was held at the close before."""
    held = ledger.positions
    account, product = held.account, held.product
    cash = amounts(held.quantity, market.dividend[day, product])
    tax = round_half_up(cash * fees.dividend_tax, RATE_SCALE)
    flows = [
        booked(ledger, flow_rows(account, DIVIDEND, cash)),
        booked(ledger, flow_rows(account, DIVIDEND_TAX, -tax)),
    ]
    shares = held.quantity * market.bonus[day, product] // (10_000 * 100) * 100
    movement = movement_rows(account, product, BONUS, shares, np.zeros(len(shares), dtype=np.int64))
    none = np.zeros(len(movement["account"]), dtype=np.int64)
    held.add(movement["account"], movement["product"], movement["quantity"], none, False)
    return flows, [movement]


def bring_securities(
    ledger: Ledger, traits: Traits, market: Market, day: int, account: Integers, money: Integers, slot: Integers
) -> Rows:
    """Securities for about `money` each row, moved in from another house at today's close."""
    product = traits.favourites(account, slot, day)
    price, lot = market.close[day, product], market.listed.lot[product]
    quantity = money * AMOUNT_UNITS // price // lot * lot
    value = amounts(quantity, price)
    rows = movement_rows(account, product, CUSTODY_IN, quantity, value)
    ledger.positions.add(rows["account"], rows["product"], rows["quantity"], rows["value"], False)
    return rows


def fund_accounts(
    ledger: Ledger, traits: Traits, market: Market, day: int, draw: np.random.Generator
) -> tuple[Rows, Rows]:
    """First money. On day 0 the old customers' holdings arrive, later mostly cash, sometimes securities."""
    account = np.flatnonzero((traits.first_money_day() == day) & (ledger.status == OPEN))
    target = traits.target[account]
    securities = np.where(draw.random(len(account)) < 0.1, 0.5, 0.0)
    if day == 0:
        securities = np.where(traits.kind[account] == FUND, 0.9, draw.uniform(0.3, 0.85, len(account)))
    kinds = draw.integers(1, 5, len(account))
    at = np.repeat(np.arange(len(account)), kinds)
    slot = (np.arange(len(at)) - np.repeat(np.cumsum(kinds) - kinds, kinds)) % SLOTS
    each = np.floor(target * securities / kinds).astype(np.int64)[at]
    movement = bring_securities(ledger, traits, market, day, account[at], each, slot)
    moved = np.zeros(len(ledger), dtype=np.int64)
    np.add.at(moved, movement["account"], movement["value"])
    rest = np.maximum((target - moved[account]) // _HUNDRED, 1) * _HUNDRED
    flows = flow_rows(account, BANK_IN, rest, bank_seconds(draw, len(account)))
    return booked(ledger, flows), movement


def bring_more(
    ledger: Ledger, traits: Traits, market: Market, day: int, stays: Flags, draw: np.random.Generator
) -> tuple[list[Rows], list[Rows]]:
    """Later money: savings, returning customers, securities of the wealthy, a rare goodwill payment."""
    size = len(ledger)
    returning = traits.returns(day) & (ledger.status == OPEN)
    saves = stays & (draw.random(size) < traits.in_chance)
    share = np.where(returning, draw.uniform(0.4, 1.0, size), draw.uniform(0.01, 0.08, size))
    account = np.flatnonzero(saves | returning)
    amount = np.maximum(np.floor(traits.target * share).astype(np.int64)[account] // _HUNDRED, 1) * _HUNDRED
    transfers = flow_rows(account, BANK_IN, amount, bank_seconds(draw, len(account)))
    moved_in = np.flatnonzero(stays & (traits.persona == WEALTHY) & (draw.random(size) < 0.001))
    movement = bring_securities(
        ledger, traits, market, day, moved_in, traits.target[moved_in] // 20, np.zeros(len(moved_in), dtype=np.int64)
    )
    pleased = np.flatnonzero(stays & (draw.random(size) < 2e-5))
    goodwill = flow_rows(pleased, ADJUSTMENT, draw.integers(1_000, 20_000, len(pleased)))
    return [booked(ledger, transfers), booked(ledger, goodwill)], [movement]


def is_sold_out(ledger: Ledger, price: Integers) -> Flags:
    """Margin accounts whose cash and securities are worth less than 130 % of the debt."""
    debt = ledger.principal + ledger.owed
    return (debt > 0) & ((ledger.market_value(price) + ledger.cash) * 100 < debt * _MAINTENANCE)


def repay(ledger: Ledger, traits: Traits, leaving: Flags, forced: Flags, draw: np.random.Generator) -> Rows:
    """Pays debts down from cash: all that is possible when leaving or sold out, else now and then a part."""
    must = leaving | forced
    share = np.where(must, 1.0, np.where(draw.random(len(ledger)) < 0.06, 0.8, 0.0))
    in_debt = np.flatnonzero((ledger.principal > 0) & (share > 0))
    paid = np.minimum(ledger.principal[in_debt], np.floor(ledger.cash[in_debt] * share[in_debt]).astype(np.int64))
    ledger.principal[in_debt] -= paid
    ledger.post(in_debt, -paid)
    return pay_what_is_owed(ledger, np.flatnonzero((ledger.owed > 0) & must))


def move_out(ledger: Ledger, traits: Traits, market: Market, day: int, fees: DayFees) -> tuple[Rows, Rows]:
    """Leavers of the moving kind carry their exchange-traded securities away, for a fee per position."""
    leaves = traits.moves_out & traits.leaves_openly() & (traits.days_leaving(day) >= 1) & (ledger.status == OPEN)
    held = ledger.positions
    chosen = leaves[held.account] & ~market.listed.is_fund[held.product] & (held.quantity > 0)
    account, product, quantity = held.account[chosen], held.product[chosen], held.quantity[chosen]
    movement = movement_rows(account, product, CUSTODY_OUT, -quantity, -amounts(quantity, market.close[day, product]))
    held.remove(account, product, quantity)
    payer, positions = np.unique(account, return_counts=True)
    due = np.minimum(positions * fees.custody_fee, ledger.cash[payer])
    return booked(ledger, flow_rows(payer, FEE, -due)), movement


def draw_out(ledger: Ledger, traits: Traits, day: int, stays: Flags, draw: np.random.Generator) -> Rows:
    """Bank transfers out: a part now and then, nearly everything by those who leave."""
    since, size = traits.days_leaving(day), len(ledger)
    openly = traits.leaves_openly() & ((since == 1) | (since >= 6))
    acts = (draw.random(size) < 0.35) & (since >= 1) & (since <= DRAIN_DAYS)
    quietly = traits.leaves_quietly() & (acts | (since == DRAIN_DAYS))
    spends = stays & (draw.random(size) < traits.out_chance)
    part = np.where(
        openly, 1.0, np.where(quietly, np.where(since == DRAIN_DAYS, 0.99, 0.9), draw.uniform(0.05, 0.5, size))
    )
    account = np.flatnonzero((openly | quietly | spends) & (ledger.status == OPEN))
    free = ledger.withdrawable()[account]
    wanted = np.floor(free * part[account]).astype(np.int64)
    amount = np.where(openly[account], free, wanted // _HUNDRED * _HUNDRED)
    verified = (amount > LARGE_TRANSFER) & (draw.random(len(account)) < 0.92)
    return booked(
        ledger, flow_rows(account, BANK_OUT, -amount, bank_seconds(draw, len(account)), verified.astype(np.int64))
    )


def drains_today(traits: Traits, day: int, draw: np.random.Generator) -> Flags:
    """Leavers who sell what they can today: open ones daily, quiet ones now and then, towards the end daily."""
    since = traits.days_leaving(day)
    chance = np.where(since >= DRAIN_DAYS - 7, 1.0, 0.25)
    quietly = traits.leaves_quietly() & (since >= 0) & (since <= DRAIN_DAYS) & (draw.random(len(since)) < chance)
    return (traits.leaves_openly() & (since >= 0)) | quietly
