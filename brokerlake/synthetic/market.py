"""The made-up market: daily bars, net values, corporate actions; any longer calendar continues the same path.

Prices are integers in 1/10,000 CNY. `prev_close` of a bar is the exchange's reference price: yesterday's close
less today's dividend and bonus; the limits of 10 % stand around it. Actions are announced ANNOUNCED_DAYS
trading days before they take effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from brokerlake.synthetic.columns import (
    codes,
    constant,
    dates32,
    day_numbers,
    decimals,
    picked,
    timestamps,
    with_nulls,
)
from brokerlake.synthetic.draws import hashed_uniform, stream
from brokerlake.synthetic.products import INDEX_ID, PRICE_SCALE, Products, make_products

ANNOUNCED_DAYS = 5
FACTOR_SCALE = 10**8
SHARE_PRICE_IN_INDEX = 18_00
"""Average price of a share of the index, in 1/100 CNY: points of an index are no price."""
_INDEX_START = 4_000 * PRICE_SCALE
_DIVIDEND_MONTHS = (5, 6, 7)
_PACE_BY_MONTH = np.array([1.0, 0.85, 1.15, 1.1, 1.0, 0.95, 1.05, 0.9, 0.9, 1.0, 1.1, 0.95])
_CLOSED, _PUBLISHED = 15 * 3600 + 1800, 21 * 3600 + 1800  # seconds of the day: bars, net values


class Market:
    """Products and their prices for the given trading dates.

    Attributes:
        listed: what can be held, by product index; the index stands apart, in the last column of the price arrays.
        dates: the trading dates, day 0 first.
        numbers: the same as days since 1970-01-01.
        opening, high, low, close, reference: int64 [day, product], price units; last column the index.
        dividend: int64 [day, product], price units per share taking effect on that day.
        bonus: int64 [day, product], new shares per 10,000 held.
        pace: float64 [day], how busy the market is, 1 is usual.
    """

    def __init__(self, seed: int, trading_dates: Sequence[date]):
        self.seed = seed
        self.listed: Products = make_products(seed)
        self.dates = tuple(trading_dates)
        self.numbers = day_numbers(self.dates)
        days, width = len(self.dates), len(self.listed) + 1
        self.opening, self.high, self.low, self.close, self.reference = (
            np.zeros((days, width), dtype=np.int64) for _ in range(5)
        )
        self.dividend = np.zeros((days, width), dtype=np.int64)
        self.bonus = np.zeros((days, width), dtype=np.int64)
        self.volume = np.zeros((days, width), dtype=np.int64)
        self.backward_factor = np.full((days, width), FACTOR_SCALE, dtype=np.int64)
        self.pace = np.ones(days)
        self._tick = np.append(self.listed.tick, 100)
        self._is_bar = ~np.append(self.listed.is_fund, False)
        self._beta = np.append(self.listed.beta, 1.0)
        self._sigma = np.append(self.listed.sigma, 0.0)
        self._drift = np.append(self.listed.drift, 0.0)
        self._usual_volume = np.append(self.listed.volume, 1.2e10)
        self._simulate()

    def natural_number(self, day: NDArray[np.int32] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Days since 1970-01-01 of trading days; those before the history are spread over seven-day weeks."""
        day = np.asarray(day, dtype=np.int64)
        known = self.numbers[np.clip(day, 0, len(self.numbers) - 1)]
        return np.where(day < 0, self.numbers[0] + np.floor(day * 1.4).astype(np.int64), known)

    def _simulate(self) -> None:
        """Every day in turn; each draws from its own streams, so a longer calendar has the same beginning."""
        close = np.append(self.listed.start, _INDEX_START)
        factor = np.full(len(close), FACTOR_SCALE, dtype=np.int64)
        trend, mood = 0.0, 0.0
        for day in range(len(self.dates)):
            draw = stream(self.seed, "market", day)
            trend = 0.985 * trend + 0.00012 * draw.standard_normal()
            mood = 0.95 * mood + 0.10 * draw.standard_normal()
            jump = draw.normal(0, 0.03) if draw.random() < 0.008 else 0.0
            move = trend + 0.0105 * draw.standard_normal() + jump
            self._announce(day, close)
            reference = self._reference(close, self.dividend[day], self.bonus[day])
            factor = np.where(reference == close, factor, np.round(factor * (close / reference)).astype(np.int64))
            close = self._bar(day, reference, move, draw)
            self.backward_factor[day] = factor
            self.pace[day] = self._pace_of(day, mood, move)

    def _announce(self, day: int, close: NDArray[np.int64]) -> None:
        """Dividends and bonuses announced on `day`, entered on the day they take effect."""
        effective = day + ANNOUNCED_DAYS
        if effective >= len(self.dates) or self.dates[day].month not in _DIVIDEND_MONTHS:
            return
        draw = stream(self.seed, "corporate actions", day)
        chance = draw.random(len(close))
        is_free = (self.dividend[day + 1 : effective + 1] + self.bonus[day + 1 : effective + 1]).sum(axis=0) == 0
        may = np.append(self.listed.is_stock, False) & is_free
        share = draw.uniform(0.005, 0.04, len(close))
        cash = np.maximum(np.round(close * share / 100).astype(np.int64) * 100, 100)
        self.dividend[effective] = np.where(may & (chance < 0.010), cash, 0)
        tenths = draw.integers(2, 6, len(close)) * 1_000
        self.bonus[effective] = np.where(may & (chance >= 0.010) & (chance < 0.0115), tenths, 0)

    def _reference(
        self, close: NDArray[np.int64], dividend: NDArray[np.int64], bonus: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Yesterday's close without what is paid out today, to the tick."""
        adjusted = (close - dividend) * PRICE_SCALE // (PRICE_SCALE + bonus)
        changed = (dividend > 0) | (bonus > 0)
        return np.where(changed, np.maximum(adjusted // self._tick, 1) * self._tick, close)

    def _bar(self, day: int, reference: NDArray[np.int64], move: float, draw: np.random.Generator) -> NDArray[np.int64]:
        """Fills the day's bars and returns its closes."""
        width = len(reference)
        own = draw.standard_normal((3, width))
        stretch = draw.exponential(0.35, (2, width))
        surprise = np.where(draw.random(width) < 0.004, draw.normal(0, 0.05, width), 0.0) * (self._sigma > 0.004)
        change = self._drift + self._beta * move + self._sigma * own[0] + surprise
        swing = np.where(self._is_bar, np.maximum(self._sigma, 0.3 * abs(move)), 0.0)
        close = self._to_tick(reference, change)
        opening = np.where(self._is_bar, self._to_tick(reference, 0.4 * change + 0.3 * swing * own[1]), close)
        top = np.maximum(opening, close)
        bottom = np.minimum(opening, close)
        self.high[day] = np.maximum(self._to_tick(reference, np.log(top / reference) + swing * stretch[0]), top)
        self.low[day] = np.minimum(self._to_tick(reference, np.log(bottom / reference) - swing * stretch[1]), bottom)
        busy = self._usual_volume * (1 + 12 * np.abs(change)) * np.exp(0.3 * own[2])
        self.volume[day] = np.floor(busy / 100).astype(np.int64) * 100
        self.reference[day], self.opening[day], self.close[day] = reference, opening, close
        return close

    def _to_tick(self, reference: NDArray[np.int64], change: NDArray[np.float64]) -> NDArray[np.int64]:
        """The price after `change` (log) on the tick, within 10 % of the reference, never below 10 ticks."""
        wanted = np.round(reference * np.exp(change) / self._tick).astype(np.int64) * self._tick
        highest = reference * 11 // 10 // self._tick * self._tick
        lowest = -(-reference * 9 // 10 // self._tick) * self._tick
        return np.maximum(np.clip(wanted, lowest, highest), np.minimum(10 * self._tick, reference))

    def _pace_of(self, day: int, mood: float, move: float) -> float:
        """Seasons of the year, quiet days before a long holiday, busy days when prices move."""
        gap = (self.dates[day + 1] - self.dates[day]).days if day + 1 < len(self.dates) else 1
        quiet = 0.7 if gap > 4 else 1.0
        season = float(_PACE_BY_MONTH[self.dates[day].month - 1])
        return float(np.clip(season * quiet * np.exp(mood) * (1 + 10 * abs(move)), 0.4, 2.2))

    def products(self, day: int) -> pa.Table:
        """market_products as of `day`: the full list."""
        held = self.listed
        rows = len(held)
        issuers = np.floor(hashed_uniform(self.seed, "issuer", np.arange(rows)) * 40).astype(np.int64) + 1
        fund = held.is_fund
        return pa.table(
            {
                "product_id": pa.array(held.product_id),
                "name": pa.array(held.name),
                "market": pa.array(held.market),
                "product_line": pa.array(held.line),
                "risk_level": codes("R", held.risk_levels(day), 1),
                "term_days": with_nulls(pa.array(held.term_days), held.term_days == 0),
                "min_amount": decimals(held.minimum_amount, 2, held.minimum_amount == 0),
                "lot": with_nulls(pa.array(held.lot // 100), fund),
                "settlement_cycle": picked(["T+1", "T+3"], fund.astype(np.int64)),
                "currency": constant("CNY", rows),
                "issuer": codes("I", issuers, 3),
                "trail_fee_rate": decimals(held.trail_fee, 6, ~fund),
                "status": constant("active", rows),
            }
        )

    def quotes(self, day: int) -> pa.Table:
        """market_quotes of `day`: bars of what is traded, net values of funds, the index."""
        rows = len(self._tick)
        fund = ~self._is_bar
        price = (self.high[day] + self.low[day] + 2 * self.close[day]) // 400
        price[-1] = SHARE_PRICE_IN_INDEX
        traded = self.volume[day] * price
        today = np.full(rows, self.numbers[day])
        prices = {
            "open": self.opening[day],
            "high": self.high[day],
            "low": self.low[day],
            "close": self.close[day],
            "prev_close": self.reference[day],
        }
        return pa.table(
            {
                "product_id": pa.array(np.append(self.listed.product_id, INDEX_ID)),
                "quote_date": dates32(today),
                **{name: decimals(units, 4) for name, units in prices.items()},
                "volume": pa.array(self.volume[day]),
                "turnover": decimals(traded, 2),
                "backward_factor": decimals(self.backward_factor[day], 8),
                "nav_date": dates32(today, ~fund),
                "published_at": timestamps(today, np.where(fund, _PUBLISHED, _CLOSED)),
            }
        )

    def corporate_actions(self, day: int) -> pa.Table:
        """market_corporate_actions announced on `day`; raises ValueError when the calendar ends too early."""
        effective = day + ANNOUNCED_DAYS
        if effective >= len(self.dates):
            raise ValueError(f"the calendar must reach {ANNOUNCED_DAYS} trading days past {self.dates[day]}")
        product = np.flatnonzero(self.dividend[effective] + self.bonus[effective])
        dividend, bonus = self.dividend[effective, product], self.bonus[effective, product]
        rows = len(product)
        ex_date, record_date = np.full(rows, self.numbers[effective]), np.full(rows, self.numbers[effective - 1])
        return pa.table(
            {
                "product_id": picked(self.listed.product_id, product),
                "kind": picked(["dividend", "bonus"], (bonus > 0).astype(np.int64)),
                "ratio": decimals(bonus, 4, bonus == 0),
                "cash_per_share": decimals(dividend, 4, dividend == 0),
                "ex_date": dates32(ex_date),
                "record_date": dates32(record_date),
                "pay_date": dates32(ex_date),
            }
        )
