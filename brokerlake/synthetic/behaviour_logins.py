"""trading_logins, what the counter saw: the app's (one a logged-in visit), the PC program's, third parties'."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from brokerlake.synthetic.behaviour import (
    REST_DAY_FACTOR,
    VisitModel,
    Visits,
    epoch_ms,
    seconds_of_day,
    terminal_habits,
)
from brokerlake.synthetic.columns import picked, with_nulls
from brokerlake.synthetic.day_dates import DayDates
from brokerlake.synthetic.devices import device_ids, ip_texts
from brokerlake.synthetic.draws import hashed_uniform, stream
from brokerlake.synthetic.people import CITIES, People

TERMINALS = ("own_app", "pc", "third_party")
DESK_SLOT = 3  # device slot of the PC program; third parties tell no device
ODD_REGION_SHARE = 0.002
Indexes = NDArray[np.int64]


def first_accounts(account_customer: NDArray[np.int32], customers: int) -> Indexes:
    """Index of each customer's first account, -1 for none; accounts stand in order of customer."""
    first = np.full(customers, -1, dtype=np.int64)
    first[account_customer[::-1]] = np.arange(len(account_customer))[::-1]
    return first


def _other_logins(
    people: People, model: VisitModel, dates: DayDates, day: int, factor: float
) -> tuple[Indexes, Indexes, Indexes]:
    """Customer, terminal, local milliseconds of logins that are no visit of our app."""
    draw = stream(people.seed, "logins", day)
    customer, rate = model.rates(day)
    uses, parts = terminal_habits(people.population, people.seed), []
    for natural in dates.natural_dates(day):
        is_trading = natural == dates.trading_dates[day]
        for terminal, (habit, share) in enumerate(zip(uses, (0.6, 0.8), strict=True), start=1):
            count = draw.poisson(rate * habit[customer] * share * factor * (1.0 if is_trading else REST_DAY_FACTOR))
            who = np.repeat(customer, count)
            at = epoch_ms(natural) + seconds_of_day(draw.random(len(who)), is_trading) * 1000
            parts.append((who, np.full(len(who), terminal), at))
    who_logs_in, terminals, times = (np.concatenate(column) for column in zip(*parts, strict=True))
    return who_logs_in, terminals, times


def login_rows(
    people: People, model: VisitModel, dates: DayDates, day: int, visits: Visits, factor: float = 1.0
) -> pa.Table:
    """Logins in order of time, one a second per account and terminal, with the hidden column `_customer`."""
    own = visits.is_logged_in & (visits.delay_ms == 0)
    who, terminal, at = _other_logins(people, model, dates, day, factor)
    customer = np.concatenate([visits.customer[own], who])
    kind = np.concatenate([np.zeros(own.sum(), dtype=np.int64), terminal])
    device = np.concatenate([visits.device[own], who * 4 + DESK_SLOT])
    second = np.concatenate([visits.start_ms[own] + 2500, at]) // 1000
    account = first_accounts(people.population.account_customer, len(people.index))[customer]
    closed = people.population.account_closed_day[account]
    end = epoch_ms(dates.trading_dates[day]) // 1000 + 86_400
    good = np.flatnonzero((account >= 0) & (day < closed) & (second < end))
    order = good[np.lexsort((kind[good], account[good], second[good]))]
    keys = np.stack([second[order], account[order], kind[order]])
    order = order[np.concatenate([[True], (np.diff(keys, axis=1) != 0).any(axis=0)])] if len(order) else order
    return _table(people, day, customer[order], account[order], kind[order], device[order], second[order])


def _table(
    people: People, day: int, customer: Indexes, account: Indexes, kind: Indexes, device: Indexes, second: Indexes
) -> pa.Table:
    odd = hashed_uniform(people.seed, "odd-region", second, customer)
    who, inverse = np.unique(customer, return_inverse=True)
    home = people.city_index(who, np.full(len(who), day))[inverse]
    region = np.where(odd < ODD_REGION_SHARE, (home + 1 + (odd * 1e6).astype(np.int64) % 20) % len(CITIES), home)
    return pa.table(
        {
            "account_id": picked(people.population.account_id, account),
            "terminal": picked(TERMINALS, kind),
            "device_id": with_nulls(device_ids(people.seed, device), kind == 2),
            "ip": ip_texts(people.seed, device, odd),
            "region": picked(CITIES, region),
            "logged_in_at": pa.array(second).cast(pa.timestamp("s")),
            "_customer": pa.array(customer),
        }
    )
