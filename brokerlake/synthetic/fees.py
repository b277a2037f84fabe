"""Fees and taxes by date and market, from conf/fees.yaml, in exact integers.

Money is integer cents, rates are integer parts per 10^8; nothing here passes through floating point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

RATE_SCALE = 10**8

Cents = NDArray[np.int64]


def round_half_up(numerator: NDArray[np.int64], denominator: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """The quotient of values not below zero, halves up, exact."""
    quotient, remainder = np.divmod(numerator, denominator)
    return quotient + (2 * remainder >= denominator)


@dataclass(frozen=True)
class DayFees:
    """The tariff of one day; arrays hold one entry per product, in the order of the product list.

    Attributes:
        minimum_commission: cents per order.
        stamp_duty: parts per 10^8 of the amount sold.
        transfer_fee: parts per 10^8, both sides.
        exchange_fee: parts per 10^8, both sides.
        regulatory_fee: parts per 10^8, both sides.
        subscription_fee: parts per 10^8 of the net money.
        redemption_fee: parts per 10^8 of the amount redeemed.
        dividend_tax: parts per 10^8.
        interest: parts per 10^8 and year of cash.
        financing_interest: parts per 10^8 and year of the principal.
        advisory_fee: parts per 10^8 and quarter of net assets.
        custody_fee: cents per position moved out.
    """

    minimum_commission: Cents
    stamp_duty: NDArray[np.int64]
    transfer_fee: NDArray[np.int64]
    exchange_fee: NDArray[np.int64]
    regulatory_fee: NDArray[np.int64]
    subscription_fee: NDArray[np.int64]
    redemption_fee: NDArray[np.int64]
    dividend_tax: int
    interest: int
    financing_interest: int
    advisory_fee: int
    custody_fee: int


class FeeSchedule:
    """The tariff of any day for a list of products.

    Args:
        entries: the parsed conf/fees.yaml.
        product_lines: product_line per product.
        markets: market per product.
    """

    def __init__(self, entries: Mapping[str, Any], product_lines: Sequence[str], markets: Sequence[str]):
        self._entries = entries
        self._lines = product_lines
        self._markets = markets
        self._days: dict[tuple[str, ...], DayFees] = {}

    def on(self, day: date) -> DayFees:
        """The tariff of a trade date; a fee with no entry by then is 0."""
        key = tuple(str(entry["from"]) for entry in self._valid(day))
        if key not in self._days:
            self._days[key] = self._build(day)
        return self._days[key]

    def _valid(self, day: date) -> list[Mapping[str, Any]]:
        """Every entry begun by the day, in the order of the file."""
        groups = (value for value in self._entries.values() if isinstance(value, list))
        return [entry for group in groups for entry in group if date.fromisoformat(entry["from"]) <= day]

    def _build(self, day: date) -> DayFees:
        return DayFees(
            minimum_commission=self._by_product("commission", "minimum", day, 100),
            stamp_duty=self._by_product("stamp_duty", "rate", day, RATE_SCALE),
            transfer_fee=self._by_product("transfer_fee", "rate", day, RATE_SCALE),
            exchange_fee=self._by_product("exchange_fee", "rate", day, RATE_SCALE),
            regulatory_fee=self._by_product("regulatory_fee", "rate", day, RATE_SCALE),
            subscription_fee=self._by_product("subscription_fee", "rate", day, RATE_SCALE),
            redemption_fee=self._by_product("redemption_fee", "rate", day, RATE_SCALE),
            dividend_tax=self._single("dividend_tax", "rate", day, RATE_SCALE),
            interest=self._single("interest", "rate", day, RATE_SCALE),
            financing_interest=self._single("financing_interest", "rate", day, RATE_SCALE),
            advisory_fee=self._single("advisory_fee", "rate", day, RATE_SCALE),
            custody_fee=self._single("custody_fee", "amount", day, 100),
        )

    def _begun(self, fee: str, day: date) -> list[Mapping[str, Any]]:
        """The fee's entries begun by the day, oldest first, so that the last match holds."""
        entries = [entry for entry in self._entries[fee] if date.fromisoformat(entry["from"]) <= day]
        return sorted(entries, key=lambda entry: str(entry["from"]))

    def _by_product(self, fee: str, name: str, day: date, scale: int) -> NDArray[np.int64]:
        values = np.zeros(len(self._lines), dtype=np.int64)
        for entry in self._begun(fee, day):
            units = int(Decimal(entry[name]) * scale)
            lines, markets = entry.get("product_lines"), entry.get("markets")
            for product, (line, market) in enumerate(zip(self._lines, self._markets, strict=True)):
                if (lines is None or line in lines) and (markets is None or market in markets):
                    values[product] = units
        return values

    def _single(self, fee: str, name: str, day: date, scale: int) -> int:
        return max((int(Decimal(entry[name]) * scale) for entry in self._begun(fee, day)[-1:]), default=0)


def load_fee_schedule(path: Path, product_lines: Sequence[str], markets: Sequence[str]) -> FeeSchedule:
    """The schedule of conf/fees.yaml."""
    return FeeSchedule(yaml.safe_load(path.read_text(encoding="utf-8")), product_lines, markets)


def share_by_amount(total: Cents, amount: Cents, group: NDArray[np.int64], groups: int) -> Cents:
    """Each group's total spread over its rows by amount, exact: the last row takes the rest.

    Args:
        total: cents per group.
        amount: cents per row, not negative.
        group: ascending group index per row.
        groups: number of groups; each has at least one row.
    """
    whole = np.zeros(groups, dtype=np.int64)
    np.add.at(whole, group, amount)
    share = total[group] * amount // np.maximum(whole[group], 1)
    given = np.zeros(groups, dtype=np.int64)
    np.add.at(given, group, share)
    last = np.append(np.flatnonzero(np.diff(group)), len(group) - 1) if len(group) else group[:0]
    share[last] += (total - given)[group[last]]
    return share
