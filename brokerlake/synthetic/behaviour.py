"""When customers open the app or the site: visits by persona, life cycle, season, weekday and hour.

A visit belongs to the night that receives it. A few phones were offline: their visit happened one to three days
earlier.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from brokerlake.synthetic.day_dates import DayDates
from brokerlake.synthetic.devices import device_keys
from brokerlake.synthetic.draws import hashed_uniform, occurs, stream
from brokerlake.synthetic.population import (
    ACTIVE,
    CHURN_EXPLICIT,
    CHURN_HIDDEN,
    CLOSING_DAYS,
    DORMANT,
    SAVER,
    WEALTHY,
    Population,
)

Indexes = NDArray[np.int64]
Floats = NDArray[np.float64]

MEAN_EVENTS = 6.0  # of a visit, the opening event included
LOGGED_IN_SHARE = 0.8
OFFLINE_SHARE = 0.004
QUIET_DAYS = 30  # trading days over which a hidden churner fades
REST_DAY_FACTOR = 0.35
_VISITS = np.array([0.8, 0.28, 0.12, 0.12, 0.01, 0.33])  # a trading day, by persona
_MONTHS = np.array([0.85, 0.8, 1.1, 1.05, 0.95, 1.0, 1.05, 1.0, 1.0, 0.95, 1.05, 1.0])
_HALF_HOURS_TRADING = np.array(
    [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 5, 6, 8, 12, 18, 24, 38]
    + [30, 26, 24, 20, 12, 10, 26, 24, 22, 26, 14, 8, 6, 6, 6, 6, 7, 8, 10, 11]
    + [13, 14, 13, 11, 8, 6, 4, 2],
    dtype=float,
)
_HALF_HOURS_REST = np.array(
    [3, 2, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 6, 8, 10, 12, 13]
    + [13, 13, 12, 12, 11, 10, 10, 10, 10, 11, 11, 11, 11, 11, 11, 11, 12, 13, 15, 17]
    + [19, 20, 19, 16, 12, 9, 6, 4],
    dtype=float,
)


@dataclass(frozen=True)
class Visits:
    """Visits a night received, one entry each.

    Attributes:
        device: device key.
        start_ms: market-local milliseconds since 1970 when it began.
        delay_ms: how long the phone kept it back.
        is_logged_in: the customer was logged in, which leaves a row among the logins.
        wants_to_close: somebody on the way out looks at the account-closing page.
        length: number of events.
    """

    customer: Indexes
    device: Indexes
    start_ms: Indexes
    delay_ms: Indexes
    is_logged_in: NDArray[np.bool_]
    wants_to_close: NDArray[np.bool_]
    length: Indexes


def epoch_ms(day: date) -> int:
    """Milliseconds from 1970 to the beginning of a local date."""
    return int(np.datetime64(day, "ms").astype(np.int64))


def seconds_of_day(uniform: Floats, is_trading_day: bool) -> Indexes:
    """Seconds after midnight with the hour-of-day shape of trading or rest days."""
    weights = _HALF_HOURS_TRADING if is_trading_day else _HALF_HOURS_REST
    edges = np.concatenate([[0.0], np.cumsum(weights) / weights.sum()])
    return (np.interp(uniform, edges, np.arange(49) * 1800.0)).clip(0, 86_399).astype(np.int64)


class VisitModel:
    """Draws the visits of any night."""

    def __init__(self, population: Population, seed: int, dates: DayDates):
        self._population, self._seed, self._dates = population, seed, dates

    @cached_property
    def _habit(self) -> Floats:
        """Visits a trading day when all is well."""
        index = np.arange(len(self._population.persona), dtype=np.int64)
        spread = np.exp(1.2 * (hashed_uniform(self._seed, "habit", index) - 0.5))
        return _VISITS[self._population.persona] * spread

    def presence(self, customer: Indexes, day: int) -> Floats:
        """Factor of life cycle on the day: 0 once gone, fading before a quiet leave, 1 again after a return."""
        people = self._population
        churn = people.churn_day[customer].astype(np.int64)
        fading = np.clip((churn - day) / QUIET_DAYS, 0.0, 1.0) ** 0.7
        fading = np.where(day >= people.return_day[customer], 1.0, fading)
        closing = np.where(day < churn, 1.0, np.where(day < churn + CLOSING_DAYS, 0.7, 0.0))
        factor = np.select(
            [people.churn_kind[customer] == CHURN_HIDDEN, people.churn_kind[customer] == CHURN_EXPLICIT],
            [fading, closing],
            1.0,
        )
        funded = (people.funded_day[customer] >= 0) & (people.funded_day[customer] <= day)
        return factor * np.where(funded, 1.0, 0.4)

    def rates(self, day: int) -> tuple[Indexes, Floats]:
        """Customers with an account and their expected visits on the day, if it is a trading day."""
        customer = self._population.customers_open(day)
        month = self._dates.trading_dates[day].month
        return customer, self._habit[customer] * self.presence(customer, day) * _MONTHS[month - 1]

    def visits(self, day: int, factor: float = 1.0) -> Visits:
        """The visits of the night of `day`; `factor` scales their number."""
        draw = stream(self._seed, "visits", day)
        customer, rate = self.rates(day)
        parts = []
        for natural in self._dates.natural_dates(day):
            is_trading = natural == self._dates.trading_dates[day]
            count = draw.poisson(rate * factor * (1.0 if is_trading else REST_DAY_FACTOR))
            who = np.repeat(customer, count)
            start = epoch_ms(natural) + seconds_of_day(draw.random(len(who)), is_trading) * 1000
            parts.append((who, start + draw.integers(0, 1000, len(who))))
        who, start = (np.concatenate(column) for column in zip(*parts, strict=True))
        return self._detailed(draw, day, who, start)

    def _detailed(self, draw: np.random.Generator, day: int, who: Indexes, start: Indexes) -> Visits:
        size = len(who)
        settled = self._population.opened_day[who] < day - 5
        offline = settled & occurs(draw, np.full(size, OFFLINE_SHARE))
        delay = np.where(offline, draw.integers(1, 4, size) * 86_400_000, 0)
        return Visits(
            customer=who,
            device=device_keys(self._seed, who, day, draw.random(size)),
            start_ms=start - delay,
            delay_ms=delay,
            is_logged_in=draw.random(size) < LOGGED_IN_SHARE,
            wants_to_close=occurs(draw, self._closing_chance(who, day)),
            length=np.minimum(1 + draw.geometric(1 / (MEAN_EVENTS - 1), size), 80),
        )

    def _closing_chance(self, who: Indexes, day: int) -> Floats:
        """Chance that a visit ends on the closing page: before leaving; now and then out of curiosity."""
        to_go = self._population.churn_day[who].astype(np.int64) - day
        kind = self._population.churn_kind[who]
        soon = (kind == CHURN_EXPLICIT) & (to_go <= 8) & (to_go > -CLOSING_DAYS)
        quiet = (kind == CHURN_HIDDEN) & (to_go <= 20) & (to_go > 0)
        return np.select([soon, quiet], [0.5, 0.12], 0.0004)


def terminal_habits(population: Population, seed: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who also trades from the PC program, and who through a third party's app."""
    index = np.arange(len(population.persona), dtype=np.int64)
    heavy = np.isin(population.persona, [ACTIVE, WEALTHY])
    quiet = np.isin(population.persona, [SAVER, DORMANT])
    pc = hashed_uniform(seed, "uses-pc", index) < np.select([heavy, quiet], [0.6, 0.05], 0.2)
    third = hashed_uniform(seed, "uses-third-party", index) < np.where(quiet, 0.02, 0.12)
    return pc, third
