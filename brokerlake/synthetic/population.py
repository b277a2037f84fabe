"""The customers of the made-up broker: who they are, how rich, how active, when they come and leave.

One entry per customer in every array, in order of opening; `customers` of them have opened before day
`days`, the rest opens at the same pace afterwards, so that a later night finds new customers too.
Days are trading-day indexes: 0 is the first day of history, negative means before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brokerlake.synthetic.draws import NEVER, stream

PERSONAS = ("active_trader", "regular_trader", "fund_saver", "occasional", "dormant", "wealthy")
ACTIVE, REGULAR, SAVER, OCCASIONAL, DORMANT, WEALTHY = range(len(PERSONAS))
CHURN_NONE, CHURN_EXPLICIT, CHURN_HIDDEN = range(3)
CLOSING_DAYS = 8  # trading days from the decision to leave until the accounts are empty and closed
FUTURE_DAYS = 1100  # trading days after the history for which openings are drawn

_SHARE = np.array([0.05, 0.20, 0.20, 0.30, 0.22, 0.03])
_MEDIAN_WEALTH = np.array([120e3, 60e3, 30e3, 20e3, 3e3, 1.5e6])  # CNY
_WEALTH_SIGMA = np.array([1.1, 1.1, 1.0, 1.1, 1.2, 0.0])
_ACTIVITY = np.array([160.0, 45.0, 6.0, 9.0, 0.4, 30.0])  # trading days with own orders per 250
_ORDERS = np.array([4.8, 1.8, 1.0, 1.1, 1.0, 2.2])  # orders on such a day
_NEVER_FUNDED = np.array([0.0, 0.03, 0.03, 0.10, 0.45, 0.0])
_FUNDING_LAG = np.array([1.0, 3.0, 4.0, 10.0, 25.0, 2.0])  # mean trading days from opening to funding
_MARGIN_SHARE = np.array([0.35, 0.05, 0.0, 0.0, 0.0, 0.25])
_FUND_ACCOUNT_SHARE = np.array([0.05, 0.15, 1.0, 0.10, 0.02, 0.45])
_RISK_LEVELS = np.array(  # rows: personas; columns: C1_lowest, C1 … C5
    [
        [0.00, 0.00, 0.03, 0.12, 0.45, 0.40],
        [0.00, 0.02, 0.10, 0.30, 0.43, 0.15],
        [0.03, 0.15, 0.37, 0.30, 0.12, 0.03],
        [0.02, 0.10, 0.25, 0.38, 0.20, 0.05],
        [0.04, 0.20, 0.30, 0.30, 0.13, 0.03],
        [0.00, 0.01, 0.06, 0.20, 0.38, 0.35],
    ]
)


@dataclass(frozen=True)
class Population:
    """One entry per customer in every array; index = customer index, stable for the arguments.

    Attributes:
        customer_no: the house's key, 'C' and eight digits.
        persona: int8, index into PERSONAS.
        wealth: target assets in CNY when funded; the top 1 % hold at least 30 %.
        activity: expected trading days with own orders per 250.
        orders_per_day: mean number of orders on such a day; a few customers send dozens.
        risk_level: int8, 0 = C1_lowest, 1-5 = C1-C5.
        opened_day: int32, < 0 stands in the opening snapshot.
        registered_day: int32, at most opened_day.
        funded_day: int32, -1 never; those opened before the history fund on day 0.
        churn_kind: int8, 0 none, 1 explicit (closes accounts), 2 hidden (drains, goes quiet).
        churn_day: int32, first day of leaving; NEVER for those who stay.
        return_day: int32, first day back (hidden ones only); NEVER for the rest.
        branch: int32, branch index (branch_id is `branch_ids(branch)`).
        commission_rate: of stock amounts, five decimals.
        account_id: twelve digits, one entry per account, in order of customer.
        account_customer: int32, customer index of the account.
        account_kind: 'cash', 'margin' or 'fund'.
        account_opened_day: int32, from the customer's opened_day on.
        account_closed_day: int32, first day on which the account may close (it closes once empty).
    """

    customer_no: NDArray[np.str_]
    persona: NDArray[np.int8]
    wealth: NDArray[np.float64]
    activity: NDArray[np.float64]
    orders_per_day: NDArray[np.float64]
    risk_level: NDArray[np.int8]
    opened_day: NDArray[np.int32]
    registered_day: NDArray[np.int32]
    funded_day: NDArray[np.int32]
    churn_kind: NDArray[np.int8]
    churn_day: NDArray[np.int32]
    return_day: NDArray[np.int32]
    branch: NDArray[np.int32]
    commission_rate: NDArray[np.float64]
    account_id: NDArray[np.str_]
    account_customer: NDArray[np.int32]
    account_kind: NDArray[np.str_]
    account_opened_day: NDArray[np.int32]
    account_closed_day: NDArray[np.int32]

    def customers_open(self, day: int) -> NDArray[np.int64]:
        """Indexes of the customers who opened by the end of `day`, in order."""
        return np.flatnonzero(self.opened_day <= day)


def branch_count(customers: int) -> int:
    """How many branches a broker of that size has."""
    return int(np.clip(customers // 200, 4, 120))


def branch_ids(branch: NDArray[np.int32]) -> NDArray[np.str_]:
    """The branch_id of branch indexes, 'B0001' for index 0."""
    return np.char.add("B", np.char.zfill((np.asarray(branch) + 1).astype(str), 4))


def make_population(customers: int, seed: int, days: int) -> Population:
    """All customers, `customers` of whom open before trading day `days`; raises ValueError below one."""
    if customers < 1 or days < 1:
        raise ValueError(f"customers and days must be at least 1, not {customers} and {days}")
    opened = _opening_days(customers, seed, days)
    total = len(opened)
    draw = stream(seed, "population")
    persona = draw.choice(len(PERSONAS), total, p=_SHARE).astype(np.int8)
    wealth = _wealth(persona, draw)
    funded = _funding_days(persona, opened, draw)
    kind, churn, comes_back = _leaving(persona, opened, funded, draw)
    activity = _ACTIVITY[persona] * np.exp(draw.normal(0, 0.45, total) - 0.1)
    orders = _ORDERS[persona] * np.exp(np.where(persona == ACTIVE, draw.normal(0, 0.9, total), 0.0))
    levels = (draw.random(total)[:, None] > _RISK_LEVELS.cumsum(axis=1)[persona]).sum(axis=1)
    rate = draw.choice([0.0001, 0.00015, 0.0002, 0.00025, 0.0003, 0.0008], total, p=[0.15, 0.2, 0.2, 0.3, 0.1, 0.05])
    owner, account_kind, account_opened = _accounts(persona, opened, levels, draw)
    stays = account_opened < churn[owner]
    owner, account_kind, account_opened = owner[stays], account_kind[stays], account_opened[stays]
    closed = np.where(kind[owner] == CHURN_EXPLICIT, np.minimum(churn[owner] + CLOSING_DAYS, NEVER), NEVER)
    return Population(
        customer_no=np.char.add("C", np.char.zfill((np.arange(total) + 1).astype(str), 8)),
        persona=persona,
        wealth=wealth,
        activity=np.minimum(activity, 245.0),
        orders_per_day=np.minimum(orders, 60.0),
        risk_level=np.minimum(levels, 5).astype(np.int8),
        opened_day=opened,
        registered_day=(opened - draw.choice([0, 0, 0, 1, 1, 2, 5, 12], total)).astype(np.int32),
        funded_day=funded,
        churn_kind=kind,
        churn_day=churn,
        return_day=comes_back,
        branch=np.minimum(draw.gamma(1.2, 0.2, total) * branch_count(customers), branch_count(customers) - 1).astype(
            np.int32
        ),
        commission_rate=rate,
        account_id=_account_ids(len(owner)),
        account_customer=owner.astype(np.int32),
        account_kind=account_kind,
        account_opened_day=account_opened.astype(np.int32),
        account_closed_day=closed.astype(np.int32),
    )


def _opening_days(customers: int, seed: int, days: int) -> NDArray[np.int32]:
    """Sorted opening days: about 0.1 % of the customers a day, at most half of them within the history."""
    draw = stream(seed, "openings")
    within = int(round(customers * min(0.5, 0.001 * days)))
    later = int(round(within * FUTURE_DAYS / days)) if within else FUTURE_DAYS * customers // 1000
    before = -1 - np.floor(draw.exponential(700.0, customers - within)).clip(0, 4500)
    inside = draw.integers(0, days, within)
    after = draw.integers(days, days + FUTURE_DAYS, later)
    return np.concatenate([np.sort(before), np.sort(inside), np.sort(after)]).astype(np.int32)


def _wealth(persona: NDArray[np.int8], draw: np.random.Generator) -> NDArray[np.float64]:
    """CNY: lognormal by persona; the wealthy follow a Pareto tail (exponent 1.3, at most 80 times)."""
    body = _MEDIAN_WEALTH[persona] * np.exp(draw.normal(0, 1, len(persona)) * _WEALTH_SIGMA[persona])
    tail = np.minimum((1.0 - draw.random(len(persona))) ** (-1 / 1.3), 80.0)
    return np.round(np.where(persona == WEALTHY, body * tail, np.clip(body, 200.0, 3e6)), 0)


def _funding_days(persona: NDArray[np.int8], opened: NDArray[np.int32], draw: np.random.Generator) -> NDArray[np.int32]:
    """First day with money; a new account waits a few days, an old one has its money on day 0."""
    lag = np.floor(draw.exponential(_FUNDING_LAG[persona]))
    funded = np.where(opened < 0, 0, opened + lag)
    return np.where(draw.random(len(persona)) < _NEVER_FUNDED[persona], -1, funded).astype(np.int32)


def _leaving(
    persona: NDArray[np.int8], opened: NDArray[np.int32], funded: NDArray[np.int32], draw: np.random.Generator
) -> tuple[NDArray[np.int8], NDArray[np.int32], NDArray[np.int32]]:
    """Kind, first day of leaving, day of coming back."""
    total = len(persona)
    kind = draw.choice(3, total, p=[0.63, 0.12, 0.25]).astype(np.int8)
    kind = np.where((kind == CHURN_HIDDEN) & (funded < 0), CHURN_NONE, kind).astype(np.int8)
    start = np.maximum(np.maximum(opened, 0), funded)
    churn = np.where(kind == CHURN_NONE, NEVER, start + 20 + np.floor(draw.exponential(450.0, total)))
    returns = (kind == CHURN_HIDDEN) & (draw.random(total) < 0.3)
    comes_back = np.where(returns, churn + draw.integers(70, 200, total), NEVER)
    return kind, churn.astype(np.int32), comes_back.astype(np.int32)


def _accounts(
    persona: NDArray[np.int8], opened: NDArray[np.int32], levels: NDArray[np.int64], draw: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.str_], NDArray[np.int64]]:
    """Owner, kind, opening day per account: a cash account each, for some a margin or a fund account."""
    total = len(persona)
    has_margin = (draw.random(total) < _MARGIN_SHARE[persona]) & (levels >= 4)
    has_fund = draw.random(total) < _FUND_ACCOUNT_SHARE[persona]
    margin_opened = np.where(draw.random(total) < 0.6, opened, opened + draw.integers(5, 250, total))
    chosen = np.stack([np.ones(total, dtype=bool), has_margin, has_fund], axis=1)
    days = np.stack([opened, margin_opened, opened], axis=1)
    owner, column = np.nonzero(chosen)
    return owner, np.array(["cash", "margin", "fund"])[column], days[owner, column]


def _account_ids(count: int) -> NDArray[np.str_]:
    """Twelve digits, scattered so that neighbours do not look alike; distinct up to 10^8."""
    scattered = (np.arange(1, count + 1, dtype=np.int64) * 73_939_133) % 100_000_000
    return np.char.add("6088", np.char.zfill(scattered.astype(str), 8))
