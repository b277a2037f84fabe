"""Habits of each account, derived from its customer: money, pace, favourite products, savings plan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brokerlake.synthetic.draws import hashed_uniform
from brokerlake.synthetic.fees import RATE_SCALE
from brokerlake.synthetic.market import Market
from brokerlake.synthetic.population import (
    CHURN_EXPLICIT,
    CHURN_HIDDEN,
    SAVER,
    WEALTHY,
    Population,
)

CASH, MARGIN, FUND = range(3)
PLAN_PERIOD = 21  # trading days between two savings-plan orders
DRAIN_DAYS = 25  # trading days over which a hidden leaver takes the money out
SLOTS = 6
_SLOT_CHANCE = np.array([0.34, 0.24, 0.16, 0.12, 0.08, 0.06])
_TASTE_DAYS = 150  # trading days after which the favourites change
_LINE_WEIGHT = {"stock": 1.0, "etf": 1.2, "bond": 0.3, "convertible": 0.9}
_FUND_LINES = ("fund_money", "fund_bond", "fund_equity")
_FUND_SHARE = np.array([0.2, 0.2, 0.9, 0.2, 0.2, 0.4])  # part of the wealth in the fund account, by persona
_FUND_TASTE = np.array(  # rows: C1_lowest … C5; columns: _FUND_LINES
    [[0.9, 0.08, 0.02], [0.7, 0.25, 0.05], [0.4, 0.5, 0.1], [0.2, 0.35, 0.45], [0.12, 0.23, 0.65], [0.1, 0.1, 0.8]]
)
_MONTHLY_IN = np.array([0.25, 0.25, 0.8, 0.12, 0.01, 0.15])  # bank_in per 21 trading days
_MONTHLY_OUT = np.array([0.25, 0.15, 0.12, 0.10, 0.01, 0.2])

Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class Traits:
    """One entry per account in every array.

    Attributes:
        owner: customer index.
        kind: CASH, MARGIN or FUND.
        persona: of the owner.
        target: cents that come in when funded.
        trade_chance: of trading on a day of usual pace.
        mean_orders: on a day with trades.
        plan_money: cents per savings-plan order, 0 none; plan_phase: its day within PLAN_PERIOD.
        in_chance, out_chance: of a bank transfer on a day.
        pays_net: commission does not contain the exchange's and regulator's fees.
        moves_out: a leaver who takes securities elsewhere instead of selling.
        has_adviser_contract: pays the advisory fee.
        bank: index of the account's bank.
    """

    def __init__(self, population: Population, market: Market, seed: int):
        self._seed = seed
        self._population = population
        self.owner = population.account_customer.astype(np.int64)
        accounts = np.arange(len(self.owner))
        self.kind = np.select([population.account_kind == "margin", population.account_kind == "fund"], [1, 2], 0)
        self.persona = population.persona[self.owner].astype(np.int64)
        self.risk_level = population.risk_level[self.owner].astype(np.int64)
        self.commission = np.round(population.commission_rate[self.owner] * RATE_SCALE).astype(np.int64)
        self._money(population)
        self._pace(population)
        whim = [hashed_uniform(seed, name, accounts) for name in ("plan", "phase", "net", "out", "advice", "bank")]
        has_plan = (self.kind == FUND) & (whim[0] < np.where(self.persona == SAVER, 0.65, 0.2))
        steps = np.clip(np.round(self.target / 100 / 100_000 * 20), 1, 30).astype(np.int64)
        self.plan_money = np.where(has_plan, steps * 10_000, 0)
        self.plan_phase = np.floor(whim[1] * PLAN_PERIOD).astype(np.int64)
        self.pays_net = whim[2] < 0.15
        self.moves_out = (whim[3] < 0.3) & (self.kind == CASH)
        self.has_adviser_contract = (whim[4] < 0.3) & (self.persona == WEALTHY)
        self.bank = np.floor(whim[5] * whim[5] * 12).astype(np.int64)
        self._taste_phase = np.floor(hashed_uniform(seed, "taste", accounts) * _TASTE_DAYS).astype(np.int64)
        self._set_tastes(market)

    def _money(self, population: Population) -> None:
        """Splits a customer's wealth over the accounts."""
        size = len(population.persona)
        has_fund, has_margin = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
        has_fund[self.owner[self.kind == FUND]] = True
        has_margin[self.owner[self.kind == MARGIN]] = True
        in_fund = np.where(has_fund, _FUND_SHARE[population.persona], 0.0)[self.owner]
        in_margin = np.where(has_margin[self.owner], 0.6, 0.0)
        share = np.select(
            [self.kind == FUND, self.kind == MARGIN],
            [in_fund, (1 - in_fund) * in_margin],
            (1 - in_fund) * (1 - in_margin),
        )
        self.target = np.round(population.wealth[self.owner] * share * 100).astype(np.int64)
        self._pace_share = np.where(has_margin[self.owner], np.where(self.kind == MARGIN, 0.8, 0.4), 1.0)

    def _pace(self, population: Population) -> None:
        """Chances per day of trades and transfers."""
        self.trade_chance = population.activity[self.owner] / 250 * self._pace_share
        self.trade_chance = np.where((self.kind == FUND) & (self.persona != SAVER), 0.012, self.trade_chance)
        self.trade_chance = np.where((self.kind == CASH) & (self.persona == SAVER), 0.004, self.trade_chance)
        self.mean_orders = np.where(self.kind == FUND, 1.0, population.orders_per_day[self.owner])
        self.in_chance = _MONTHLY_IN[self.persona] / 21
        self.out_chance = _MONTHLY_OUT[self.persona] / 21

    def _set_tastes(self, market: Market) -> None:
        """Cumulative popularity among what is traded and within each line of funds."""
        listed = market.listed
        weight = np.array([_LINE_WEIGHT.get(line, 0.0) for line in listed.line]) * listed.popularity
        self._traded = np.cumsum(weight) / weight.sum()
        self._funds = []
        for line in _FUND_LINES:
            weight = np.where(listed.line == line, listed.popularity, 0.0)
            self._funds.append(np.cumsum(weight) / weight.sum())

    def favourites(self, account: Integers, slot: Integers, day: int) -> Integers:
        """Product index of the account's `slot`-th favourite; it lasts for _TASTE_DAYS."""
        epoch = (day + self._taste_phase[account] + slot * 25) // _TASTE_DAYS
        wish = hashed_uniform(self._seed, "favourite", account, slot, epoch)
        product = np.searchsorted(self._traded, wish, side="right")
        line_wish = hashed_uniform(self._seed, "fund line", account, slot, epoch)
        line = (line_wish[:, None] > _FUND_TASTE.cumsum(axis=1)[self.risk_level[account]]).sum(axis=1)
        is_fund = self.kind[account] == FUND
        for number, shares in enumerate(self._funds):
            of_line = is_fund & (np.minimum(line, len(self._funds) - 1) == number)
            product[of_line] = np.searchsorted(shares, wish[of_line], side="right")
        return np.asarray(product, dtype=np.int64)

    def random_slots(self, draw: np.random.Generator, count: int) -> Integers:
        """Which favourite each of `count` orders is for."""
        return np.searchsorted(_SLOT_CHANCE.cumsum()[:-1], draw.random(count), side="right").astype(np.int64)

    def funded(self, day: int) -> Flags:
        """Accounts whose customer has brought money by `day` (a later account: from its opening on)."""
        first = self.first_money_day()
        return (first <= day) & (first >= 0)

    def first_money_day(self) -> Integers:
        """The day the account is funded, -1 never."""
        customer = self._population.funded_day[self.owner].astype(np.int64)
        return np.where(customer < 0, -1, np.maximum(customer, self._population.account_opened_day))

    def days_leaving(self, day: int) -> Integers:
        """Trading days since the customer began to leave; -1 for those who stay or are back."""
        since = day - self._population.churn_day[self.owner].astype(np.int64)
        is_back = day >= self._population.return_day[self.owner]
        return np.where((since < 0) | is_back, -1, since)

    def returns(self, day: int) -> Flags:
        """Accounts of customers whose first day back is `day`."""
        return np.asarray(self._population.return_day[self.owner] == day)

    def leaves_openly(self) -> Flags:
        """Accounts of customers who close them."""
        return np.asarray(self._population.churn_kind[self.owner] == CHURN_EXPLICIT)

    def leaves_quietly(self) -> Flags:
        """Accounts of customers who only take their money."""
        return np.asarray(self._population.churn_kind[self.owner] == CHURN_HIDDEN)
