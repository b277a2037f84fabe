"""The made-up broker's books: cash by postings, positions by fills, nothing by difference.

The first day of history is the day the core system began: what the customers of before own arrives on it as
custody_in and bank_in, so the identities hold from the first day on. Busted fills move nothing.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from brokerlake.synthetic import books_funds, books_money
from brokerlake.synthetic.books_money import FLOWS, MOVEMENTS
from brokerlake.synthetic.books_state import CLOSED, NOT_OPEN, OPEN, Array, Integers, Ledger, Rows, joined
from brokerlake.synthetic.books_tables import Tables
from brokerlake.synthetic.books_trading import TradingDay
from brokerlake.synthetic.books_traits import Traits
from brokerlake.synthetic.draws import stream
from brokerlake.synthetic.fees import DayFees, FeeSchedule
from brokerlake.synthetic.market import ANNOUNCED_DAYS, Market
from brokerlake.synthetic.population import Population

_OP_SNAPSHOT, _OP_INSERT, _OP_UPDATE = range(3)
_OPENS, _CLOSES = 9 * 3600, 17 * 3600  # seconds of the day at which accounts open and close
_BETTER_RATE_CHANCE = 0.0002  # of a lower commission rate, per account and day
_LOWEST_RATE = 10_000  # parts per 10^8


class Books:
    """Keeps the books day by day.

    Args:
        population: the customers.
        market: prices; its calendar must reach five trading days past every day kept.
        fee_schedule: made for the market's products.
        seed: of the draws.
        executions_per_day: about so many executions a day; None for the customers' own pace.
    """

    def __init__(
        self,
        population: Population,
        market: Market,
        fee_schedule: FeeSchedule,
        seed: int,
        executions_per_day: int | None = None,
    ):
        self._population = population
        self._market = market
        self._schedule = fee_schedule
        self._seed = seed
        self._target = executions_per_day
        self._traits = Traits(population, market, seed)
        self._ledger = Ledger(self._traits.commission)
        self._tables = Tables(population, market, self._traits)

    @property
    def last_day(self) -> int:
        """The day up to which the books are kept, -1 before the first."""
        return self._ledger.last_day

    def state(self) -> dict[str, Array]:
        """What a later night needs to go on, as plain arrays."""
        return self._ledger.state()

    def restore(self, state: dict[str, Array]) -> None:
        """Goes on from a state of the same population; raises ValueError for another one."""
        self._ledger.restore(state)

    def step(self, day: int) -> dict[str, pa.Table]:
        """Keeps the next day and returns its feeds' tables; raises ValueError for any other day."""
        if day != self._ledger.last_day + 1:
            raise ValueError(f"the books are kept up to day {self._ledger.last_day}: the next is not {day}")
        if day + ANNOUNCED_DAYS >= len(self._market.dates):
            raise ValueError(f"the calendar must reach {ANNOUNCED_DAYS} trading days past day {day}")
        ledger, fees = self._ledger, self._schedule.on(self._market.dates[day])
        changes = self._begin(day, fees)
        confirmed = books_funds.confirm(ledger, self._market, day, fees)
        flows, movements = self._house_flows(day, fees)
        trading = self._trade_and_transfer(day, fees, flows, movements)
        closed = self._close(day)
        changes += self._change_rows(closed, _OP_UPDATE, _CLOSES)
        ledger.last_day = day
        tables = self._tables
        return {
            "trading_accounts": tables.accounts(day, joined(changes, ("account", "op", "number", "seconds")), ledger),
            "trading_orders": tables.orders(day, trading.orders()),
            "trading_executions": tables.executions(day, trading.fills(confirmed)),
            "trading_cash_flows": tables.cash_flows(day, joined(flows, FLOWS)),
            "trading_security_movements": tables.security_movements(day, joined(movements, MOVEMENTS)),
            "trading_positions": tables.positions(day, ledger),
            "trading_balances": tables.balances(day, ledger, closed),
        }

    def _begin(self, day: int, fees: DayFees) -> list[Rows]:
        """Interest of the days since, yesterday's purchases sellable, new accounts; returns the account changes."""
        ledger, numbers = self._ledger, self._market.numbers
        books_money.accrue(ledger, int(numbers[day] - numbers[day - 1]) if day else 0, fees)
        ledger.proceeds[:] = 0
        ledger.positions.begin_day()
        opened = np.flatnonzero((ledger.status == NOT_OPEN) & (self._population.account_opened_day <= day))
        ledger.status[opened] = OPEN
        old = self._population.account_opened_day[opened] < 0
        changes = self._change_rows(opened[old], _OP_SNAPSHOT, _OPENS)
        changes += self._change_rows(opened[~old], _OP_INSERT, _OPENS)
        books_funds.receive(ledger, day)
        return changes + self._better_rates(day)

    def _better_rates(self, day: int) -> list[Rows]:
        """A few accounts get half their commission rate."""
        ledger = self._ledger
        chosen = stream(self._seed, "rates", day).random(len(ledger)) < _BETTER_RATE_CHANCE
        old = self._population.account_opened_day < day
        lucky = np.flatnonzero(chosen & old & (ledger.status == OPEN) & (ledger.commission >= 2 * _LOWEST_RATE))
        ledger.commission[lucky] = np.maximum(ledger.commission[lucky] // 2, _LOWEST_RATE)
        return self._change_rows(lucky, _OP_UPDATE, _OPENS)

    def _change_rows(self, account: Integers, op: int, seconds: int) -> list[Rows]:
        """Account changes, numbered on."""
        ledger, size = self._ledger, len(account)
        first, ledger.change_number = ledger.change_number + 1, ledger.change_number + size
        number = np.arange(first, first + size, dtype=np.int64)
        return [{"account": account, "op": np.full(size, op), "number": number, "seconds": np.full(size, seconds)}]

    def _house_flows(self, day: int, fees: DayFees) -> tuple[list[Rows], list[Rows]]:
        """Dividends and bonuses, interest, advisory fees."""
        ledger, market = self._ledger, self._market
        flows, movements = books_money.take_corporate_actions(ledger, market, day, fees)
        before = market.dates[max(day - 1, 0)]
        if books_money.is_interest_day(market.dates[day], before):
            flows += books_money.pay_interest(ledger, fees)
        if books_money.is_first_of_quarter(market.dates[day], before):
            net = ledger.net_assets(market.close[max(day - 1, 0)])
            flows.append(books_money.pay_advisory_fee(ledger, self._traits, net, fees))
        return flows, movements

    def _trade_and_transfer(self, day: int, fees: DayFees, flows: list[Rows], movements: list[Rows]) -> TradingDay:
        """Money in, trades, securities out, debts down, money out, in this order; extends flows and movements."""
        ledger, traits, market = self._ledger, self._traits, self._market
        draw = stream(self._seed, "transfers", day)
        gone = traits.days_leaving(day) >= 0
        is_open = ledger.status == OPEN
        stays = is_open & traits.funded(day) & ~gone
        first_money, brought = books_money.fund_accounts(ledger, traits, market, day, draw)
        later_money, more = books_money.bring_more(ledger, traits, market, day, stays, draw)
        forced = is_open & books_money.is_sold_out(ledger, market.close[max(day - 1, 0)])
        leaving = is_open & books_money.drains_today(traits, day, draw)
        trading = TradingDay(ledger, traits, market, fees, self._seed, day, self._target)
        trading.run(stays & ~forced, leaving, forced)
        custody_fees, moved = books_money.move_out(ledger, traits, market, day, fees)
        paid = books_money.repay(ledger, traits, is_open & gone, forced, draw)
        drawn = books_money.draw_out(ledger, traits, day, stays, draw)
        flows += [first_money, *later_money, custody_fees, paid, drawn]
        movements += [brought, *more, moved]
        return trading

    def _close(self, day: int) -> Integers:
        """Closes the accounts that are due and empty; returns them."""
        ledger = self._ledger
        due = (ledger.status == OPEN) & (self._population.account_closed_day <= day)
        held = ledger.positions
        busy = np.zeros(len(ledger), dtype=bool)
        busy[held.account[held.quantity > 0]] = True
        left = ledger.cash + ledger.in_transit() + ledger.receivable() + ledger.principal + ledger.owed
        closed = np.flatnonzero(due & ~busy & (left == 0))
        ledger.status[closed] = CLOSED
        return closed
