"""The feeds' tables from the books' integer rows, columns in the feeds' order.

Orders, executions, cash flows and accounts carry one more column in front, `_customer` (customer index), for
those who write the other feeds beside them; it is not delivered.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from brokerlake.synthetic.books_money import FLOW_KINDS, MOVEMENT_KINDS
from brokerlake.synthetic.books_state import CLOSED, NOT_OPEN, Integers, Ledger, Rows, taken
from brokerlake.synthetic.books_traits import Traits
from brokerlake.synthetic.columns import (
    codes,
    constant,
    dates32,
    decimals,
    picked,
    timestamps,
    with_nulls,
)
from brokerlake.synthetic.fees import RATE_SCALE
from brokerlake.synthetic.market import Market
from brokerlake.synthetic.population import Population, branch_ids

CHANNELS = ("app", "web", "pc", "phone", "counter", "adviser", "system")
APP, SYSTEM = CHANNELS.index("app"), CHANNELS.index("system")
STATUSES = ("filled", "partially_filled", "cancelled", "accepted")
FILLED, PARTIAL, CANCELLED, ACCEPTED = range(len(STATUSES))
BUSINESS = ("buy", "sell", "subscribe", "redeem", "finance_buy")
_BANKS = ("ICBC", "CCB", "ABC", "BOC", "BOCOM", "CMB", "PSBC", "CITIC", "CEB", "SPDB", "CIB", "CMBC")
_OPS = ("S", "I", "U")


class Tables:
    """Builds the tables of one day after the other; holds what never changes."""

    def __init__(self, population: Population, market: Market, traits: Traits):
        self._market = market
        self._traits = traits
        self._population = population
        self._accounts = pa.array(population.account_id)
        self._customer_nos = pa.array(population.customer_no)
        self._kinds = pa.array(population.account_kind)
        self._branches = pa.array(branch_ids(population.branch))
        self._products = pa.array(market.listed.product_id)

    def _stamp(self, day: int) -> str:
        return self._market.dates[day].strftime("%Y%m%d")

    def _owner(self, account: Integers) -> pa.Array:
        return pa.array(self._traits.owner[account].astype(np.int32))

    def accounts(self, day: int, changes: Rows, ledger: Ledger) -> pa.Table:
        """Changes of accounts; rows: account, op (index of S, I, U), number, seconds."""
        account, market = changes["account"], self._market
        owner = self._traits.owner[account]
        is_closed = ledger.status[account] == CLOSED
        opened = self._population.account_opened_day[account]
        return pa.table(
            {
                "_customer": self._owner(account),
                "change_seq": pa.array(changes["number"]),
                "op": picked(_OPS, changes["op"]),
                "account_id": self._accounts.take(pa.array(account)),
                "customer_no": self._customer_nos.take(pa.array(owner)),
                "account_kind": self._kinds.take(pa.array(account)),
                "branch_id": self._branches.take(pa.array(owner)),
                "opened_on": dates32(market.natural_number(opened)),
                "closed_on": dates32(np.full(len(account), market.numbers[day]), ~is_closed),
                "close_reason": with_nulls(constant("customer_request", len(account)), ~is_closed),
                "status": picked(["open", "closed"], is_closed.astype(np.int64)),
                "commission_rate": decimals(ledger.commission[account] * 10**6 // RATE_SCALE, 6),
                "changed_at": timestamps(
                    np.where(changes["op"] == 0, market.natural_number(opened), market.numbers[day]), changes["seconds"]
                ),
            }
        )

    def orders(self, day: int, rows: Rows) -> pa.Table:
        """Orders sorted by time; the quantity of a subscription is its money in CNY."""
        rows = taken(rows, np.argsort(rows["seconds"], kind="stable"))
        product, account, stamp = rows["product"], rows["account"], self._stamp(day)
        size, is_fund = len(product), self._market.listed.is_fund[product]
        subscribes = is_fund & (rows["side"] > 0)
        level = self._market.listed.risk_levels(day)[product]
        insists = subscribes & (level > self._traits.risk_level[account]) & (rows["whim"] < 800)
        not_fund = ~is_fund
        return pa.table(
            {
                "_customer": self._owner(account),
                "order_id": codes(f"O{stamp}", rows["number"]),
                "account_id": self._accounts.take(pa.array(account)),
                "product_id": self._products.take(pa.array(product)),
                "business_kind": picked(BUSINESS, _business(rows, is_fund)),
                "quantity": decimals(np.where(subscribes, rows["money"], rows["quantity"]), 2),
                "limit_price": decimals(rows["limit"], 4, is_fund),
                "entry_channel": picked(CHANNELS, rows["channel"]),
                "ordered_at": timestamps(np.full(size, self._market.numbers[day]), rows["seconds"]),
                "status": picked(STATUSES, rows["status"]),
                "journey_id": codes(f"J{stamp}", rows["number"], null=rows["channel"] != APP),
                "document_id": codes("D", product + 1, 6, null=not_fund),
                "document_version": codes("", np.full(size, 1 + day // 180), 1, null=not_fund),
                "override_document": codes(f"V{stamp}", rows["number"], null=~insists),
            }
        )

    def executions(self, day: int, rows: Rows) -> pa.Table:
        """Fills of today and confirmations of yesterday's fund orders, fund orders first."""
        rows = taken(rows, np.lexsort((rows["seconds"], ~rows["is_fund"])))
        market, numbers = self._market, self._market.numbers
        size, is_fund = len(rows["account"]), rows["is_fund"]
        ordered = np.where(is_fund, day - 1, day)
        settles = np.where(is_fund & (rows["side"] > 0), day, np.where(is_fund, day + 2, day + 1))
        stamps = pa.array([f"O{self._stamp(max(day - 1, 0))}", f"O{self._stamp(day)}"])
        order_id = pa.compute.binary_join_element_wise(
            stamps.take(pa.array((~is_fund).astype(np.int64))), codes("", rows["number"]), ""
        )
        money = {name: decimals(rows[name], 2) for name in _FEES}
        return pa.table(
            {
                "_customer": self._owner(rows["account"]),
                "execution_id": codes(f"E{self._stamp(day)}", np.arange(1, size + 1)),
                "revision": pa.array(np.zeros(size, dtype=np.int32)),
                "order_id": order_id,
                "account_id": self._accounts.take(pa.array(rows["account"])),
                "product_id": self._products.take(pa.array(rows["product"])),
                "business_kind": picked(BUSINESS, _business(rows, is_fund)),
                "quantity": decimals(rows["quantity"], 2),
                "price": decimals(rows["price"], 4),
                "currency": constant("CNY", size),
                "amount": decimals(rows["amount"], 2),
                "commission": money["commission"],
                "commission_basis": picked(["gross", "net"], (rows["is_net"] | is_fund).astype(np.int64)),
                **{name: money[name] for name in _FEES[1:]},
                "executed_at": timestamps(numbers[ordered], rows["seconds"]),
                "confirm_date": dates32(np.full(size, numbers[day])),
                "nav_date": dates32(numbers[ordered], ~is_fund),
                "settles_on": dates32(market.numbers[settles]),
                "is_busted": pa.array(rows["is_busted"]),
            }
        )

    def cash_flows(self, day: int, rows: Rows) -> pa.Table:
        """Flows in order of account and kind; banks only for bank transfers."""
        size, number = len(rows["account"]), self._market.numbers[day]
        from_bank, unchecked = rows["kind"] < 2, rows["verified"] == 0
        return pa.table(
            {
                "_customer": self._owner(rows["account"]),
                "flow_id": codes(f"F{self._stamp(day)}", np.arange(1, size + 1)),
                "account_id": self._accounts.take(pa.array(rows["account"])),
                "kind": picked(FLOW_KINDS, rows["kind"]),
                "amount": decimals(rows["amount"], 2),
                "currency": constant("CNY", size),
                "occurred_at": timestamps(np.full(size, number), rows["seconds"]),
                "bank": picked(_BANKS, self._traits.bank[rows["account"]], ~from_bank),
                "verified_by": with_nulls(constant("call_centre", size), unchecked),
                "verified_at": timestamps(np.full(size, number), rows["seconds"] + 1_200, unchecked),
            }
        )

    def security_movements(self, day: int, rows: Rows) -> pa.Table:
        """Securities in or out without a trade."""
        size = len(rows["account"])
        return pa.table(
            {
                "movement_id": codes(f"M{self._stamp(day)}", np.arange(1, size + 1)),
                "account_id": self._accounts.take(pa.array(rows["account"])),
                "product_id": self._products.take(pa.array(rows["product"])),
                "kind": picked(MOVEMENT_KINDS, rows["kind"]),
                "quantity": decimals(rows["quantity"], 2),
                "value": decimals(rows["value"], 2),
                "occurred_on": dates32(np.full(size, self._market.numbers[day])),
            }
        )

    def positions(self, day: int, ledger: Ledger) -> pa.Table:
        """Account x product at close, those closed today with quantity 0."""
        held, price = ledger.positions, self._market.close[day]
        size = len(held.key)
        return pa.table(
            {
                "account_id": self._accounts.take(pa.array(held.account)),
                "product_id": self._products.take(pa.array(held.product)),
                "position_date": dates32(np.full(size, self._market.numbers[day])),
                "quantity": decimals(held.quantity, 2),
                "sellable_quantity": decimals(held.sellable, 2),
                "cost_amount": decimals(held.cost, 2),
                "price": decimals(price[held.product], 4),
                "currency": constant("CNY", size),
                "market_value": decimals(held.values(price), 2),
            }
        )

    def balances(self, day: int, ledger: Ledger, closed_today: Integers) -> pa.Table:
        """Every open account at close, and those closed today."""
        told = (ledger.status != NOT_OPEN) & (ledger.status != CLOSED)
        told[closed_today] = True
        account = np.flatnonzero(told)
        size = len(account)
        return pa.table(
            {
                "account_id": self._accounts.take(pa.array(account)),
                "currency": constant("CNY", size),
                "balance_date": dates32(np.full(size, self._market.numbers[day])),
                "cash": decimals(ledger.cash[account], 2),
                "withdrawable": decimals(ledger.withdrawable()[account], 2),
                "in_transit": decimals(ledger.in_transit()[account], 2),
                "receivable": decimals(ledger.receivable()[account], 2),
                "financing_principal": decimals(ledger.principal[account], 2),
                "short_market_value": decimals(np.zeros(size, dtype=np.int64), 2),
                "interest_and_fees_owed": decimals(ledger.owed[account], 2),
            }
        )


_FEES = ("commission", "exchange_fee", "regulatory_fee", "stamp_duty", "transfer_fee")


def _business(rows: Rows, is_fund: np.ndarray) -> Integers:
    """Index into BUSINESS."""
    traded = np.where(rows["side"] < 0, 1, np.where(rows["financed"] > 0, 4, 0))
    return np.where(is_fund, np.where(rows["side"] < 0, 3, 2), traded)
