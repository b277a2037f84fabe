"""The made-up market's products: what can be held, under which rules. None of them is a real security."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerlake.synthetic.draws import NEVER, stream

INDEX_ID = "000300.IDX"
PRICE_SCALE = 10_000  # price units per CNY

_FIRST = "澜岚沐苍煦翎霁砚璟箐晟榕汐泓岫"
_SECOND = "川岳原渡石禾舟麓溪屿桐野峰湾谷"
_TRADES = ("科技", "医药", "电子", "能源", "食品", "材料", "机械", "软件", "物流", "环保")


@dataclass(frozen=True)
class Kind:
    """What the products of one line and market have in common.

    Attributes:
        line: product_line.
        market: SSE, SZSE or OTC.
        count: how many there are.
        first_code: the first six-digit code; the others follow.
        suffix: of the product_id.
        name: ending of the name.
        tick: price step in price units.
        lot: smallest step of an order in 1/100 units of quantity.
        beta: mean market beta.
        sigma: daily volatility of its own.
        drift: expected return per trading day.
        start: first price in CNY, low and high.
        risk: lowest and highest R level.
    """

    line: str
    market: str
    count: int
    first_code: int
    suffix: str
    name: str
    tick: int
    lot: int
    beta: float
    sigma: float
    drift: float
    start: tuple[float, float]
    risk: tuple[int, int]


KINDS = (
    Kind("stock", "SSE", 120, 600_001, ".SH", "", 100, 10_000, 1.0, 0.018, 0.0001, (4.0, 90.0), (3, 4)),
    Kind("stock", "SZSE", 80, 1, ".SZ", "", 100, 10_000, 1.1, 0.022, 0.0001, (4.0, 70.0), (3, 5)),
    Kind("etf", "SSE", 14, 510_001, ".SH", "ETF", 10, 10_000, 0.95, 0.006, 0.0001, (0.8, 5.0), (3, 3)),
    Kind("etf", "SZSE", 10, 159_001, ".SZ", "ETF", 10, 10_000, 1.0, 0.007, 0.0001, (0.8, 4.0), (3, 4)),
    Kind("bond", "SSE", 8, 19_001, ".SH", "债", 10, 1_000, 0.01, 0.0008, 0.0001, (99.0, 103.0), (1, 2)),
    Kind("convertible", "SSE", 9, 113_001, ".SH", "转债", 10, 1_000, 0.45, 0.010, 0.0, (100.0, 150.0), (3, 4)),
    Kind("convertible", "SZSE", 7, 123_001, ".SZ", "转债", 10, 1_000, 0.5, 0.011, 0.0, (100.0, 160.0), (3, 4)),
    Kind("fund_equity", "OTC", 24, 900_001, ".OF", "股票A", 1, 1, 0.85, 0.005, 0.0001, (0.7, 3.5), (3, 5)),
    Kind("fund_bond", "OTC", 16, 920_001, ".OF", "债券A", 1, 1, 0.03, 0.0006, 0.00014, (1.0, 1.6), (2, 2)),
    Kind("fund_money", "OTC", 8, 930_001, ".OF", "货币A", 1, 1, 0.0, 0.0, 0.000075, (1.0, 1.1), (1, 1)),
)


@dataclass(frozen=True)
class Products:
    """One entry per product in every array; the product index is used throughout the books.

    Attributes:
        product_id: six digits and the market's suffix.
        name: made up.
        line: product_line.
        market: SSE, SZSE, OTC.
        tick: price step in price units.
        lot: smallest step of an order in 1/100 units of quantity.
        beta, sigma, drift: of the daily return.
        start: first price in price units.
        risk: R level, int, until `risk_changes_on`.
        risk_changes_on: trading day from which the level is one higher; NEVER for most.
        popularity: weight with which customers choose it among its kind.
        volume: usual volume of a day, units.
        minimum_amount: cents, 0 none.
        term_days: natural days, 0 none.
        trail_fee: parts per 10^6 and year.
    """

    product_id: NDArray[np.str_]
    name: NDArray[np.str_]
    line: NDArray[np.str_]
    market: NDArray[np.str_]
    tick: NDArray[np.int64]
    lot: NDArray[np.int64]
    beta: NDArray[np.float64]
    sigma: NDArray[np.float64]
    drift: NDArray[np.float64]
    start: NDArray[np.int64]
    risk: NDArray[np.int64]
    risk_changes_on: NDArray[np.int64]
    popularity: NDArray[np.float64]
    volume: NDArray[np.float64]
    minimum_amount: NDArray[np.int64]
    term_days: NDArray[np.int64]
    trail_fee: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.product_id)

    @property
    def is_fund(self) -> NDArray[np.bool_]:
        """Open-end funds: subscribed and redeemed at net value instead of traded."""
        return np.char.startswith(self.line, "fund_")

    @property
    def is_stock(self) -> NDArray[np.bool_]:
        """Shares of companies."""
        return self.line == "stock"

    def risk_levels(self, day: int) -> NDArray[np.int64]:
        """R level per product on a trading day."""
        return np.minimum(self.risk + (day >= self.risk_changes_on), 5)


def make_products(seed: int) -> Products:
    """The market's products, the same for a seed whatever the dates."""
    draw = stream(seed, "products")
    kind = np.repeat(np.arange(len(KINDS)), [each.count for each in KINDS])
    total = len(kind)

    def of_kind(name: str, dtype: type = np.float64) -> NDArray[Any]:
        return np.array([getattr(each, name) for each in KINDS], dtype=dtype)[kind]

    line, tick = of_kind("line", np.str_), of_kind("tick", np.int64)
    span = np.array([each.start for each in KINDS])[kind]
    start = span[:, 0] * (span[:, 1] / span[:, 0]) ** draw.random(total)
    low, high = np.array([each.risk for each in KINDS])[kind].T
    beta, sigma = of_kind("beta"), of_kind("sigma")
    is_fund, spread = np.char.startswith(line, "fund_"), draw.random((6, total))
    return Products(
        product_id=np.array([f"{e.first_code + i:06d}{e.suffix}" for e in KINDS for i in range(e.count)]),
        name=_names(draw, kind),
        line=line,
        market=of_kind("market", np.str_),
        tick=tick,
        lot=of_kind("lot", np.int64),
        beta=beta * (0.7 + 0.6 * spread[0]),
        sigma=sigma * (0.7 + 0.6 * spread[1]),
        drift=of_kind("drift"),
        start=np.round(start * PRICE_SCALE / tick).astype(np.int64) * tick,
        risk=(low + np.floor(spread[2] * (high - low + 1))).astype(np.int64),
        risk_changes_on=np.where(spread[3] < 0.03, 60 + np.floor(spread[3] * 9_000), NEVER).astype(np.int64),
        popularity=1.0 / (1.0 + draw.permutation(total) / 12.0),
        volume=np.where(is_fund, 0.0, np.exp(draw.normal(15.5, 1.0, total))),
        minimum_amount=np.where(is_fund, 1_000, 0).astype(np.int64),
        term_days=np.where((line == "fund_bond") & (spread[4] < 0.4), 90, 0).astype(np.int64),
        trail_fee=np.where(is_fund, np.where(line == "fund_money", 1_500, 3_500), 0).astype(np.int64),
    )


def _names(draw: np.random.Generator, kind: NDArray[np.int64]) -> NDArray[np.str_]:
    """Two invented characters and a line of business or the kind's ending."""
    pairs = draw.permutation(len(_FIRST) * len(_SECOND))
    pairs = np.concatenate([pairs, draw.permutation(pairs)])[: len(kind)]
    trades = draw.integers(0, len(_TRADES), len(kind))
    return np.array(
        [
            _FIRST[pair // len(_SECOND)] + _SECOND[pair % len(_SECOND)] + (KINDS[k].name or _TRADES[trade])
            for pair, k, trade in zip(pairs, kind, trades, strict=True)
        ]
    )
