"""Branches, advisers, and who serves whom: a developer who won the customer, a service adviser who may hand over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from brokerlake.synthetic import identities
from brokerlake.synthetic.change_log import ChangeLog, is_snapshot_day
from brokerlake.synthetic.day_dates import DayDates, times_of
from brokerlake.synthetic.draws import NEVER, hashed_uniform
from brokerlake.synthetic.formats import FEEDS
from brokerlake.synthetic.people import CITIES
from brokerlake.synthetic.population import CHURN_EXPLICIT, CLOSING_DAYS, Population, branch_count, branch_ids

REGIONS = ("华东", "华北", "华南", "西南", "华中")
CUSTOMERS_PER_ADVISER = 60
ROLES = np.array(["developer", "service"])
Indexes = NDArray[np.int64]


@dataclass(frozen=True)
class _Book:
    """Assignments: one entry per array element; to_day and deleted_day are NEVER while open."""

    adviser: Indexes
    customer: Indexes
    role: Indexes
    from_day: Indexes
    to_day: Indexes
    deleted_day: Indexes


class Advisers:
    """The sales side of the house, by trading day."""

    def __init__(self, population: Population, customers: int, seed: int, dates: DayDates):
        self._population, self._seed, self._dates = population, seed, dates
        self._branches = branch_count(customers)
        per_branch = max(3, round(customers / CUSTOMERS_PER_ADVISER / self._branches))
        self._index = np.arange(per_branch * self._branches, dtype=np.int64)
        self._per_branch = per_branch

    @cached_property
    def _left_day(self) -> Indexes:
        """The first adviser of a branch stays; a third of the others leave within some years."""
        leaves = (hashed_uniform(self._seed, "adviser-leaves", self._index) < 0.35) & (self._index >= self._branches)
        day = 10 + (hashed_uniform(self._seed, "adviser-left", self._index) * 900).astype(np.int64)
        return np.where(leaves, day, NEVER)

    @cached_property
    def adviser_ids(self) -> NDArray[np.str_]:
        """'A' and five digits."""
        return np.char.add("A", identities.zero_padded(self._index + 1, 5))

    @cached_property
    def licences(self) -> NDArray[np.str_]:
        """A registration number with the unassigned house code 9999."""
        return np.char.add("S9999", identities.zero_padded(self._index * 7 + 13_000_001, 8))

    @cached_property
    def names(self) -> NDArray[np.str_]:
        """Names of the advisers."""
        is_male = hashed_uniform(self._seed, "adviser-gender", self._index) < 0.5
        return identities.person_names(self._seed, self._index + 10**8, is_male)

    def branch_rows(self) -> pa.Table:
        """crm_branches: the head office, one office a region, the branches."""
        index = np.arange(self._branches)
        region = index % len(REGIONS)
        offices = [f"R{number + 1:02d}" for number in range(len(REGIONS))]
        names = [f"{CITIES[i % len(CITIES)]}第{i // len(CITIES) + 1}证券营业部" for i in index.tolist()]
        return pa.table(
            {
                "branch_id": ["B0000", *offices, *branch_ids(index.astype(np.int32)).tolist()],
                "parent_id": pa.array([None, *["B0000"] * len(REGIONS), *[offices[r] for r in region.tolist()]]),
                "name": ["总部", *[f"{name}分公司" for name in REGIONS], *names],
                "region": ["全国", *REGIONS, *[REGIONS[r] for r in region.tolist()]],
            }
        )

    def adviser_rows(self, day: int) -> pa.Table:
        """crm_advisers: everybody, those who left with the date."""
        joined = -1 - (hashed_uniform(self._seed, "adviser-joined", self._index) * 2500).astype(np.int64)
        left = np.where(self._left_day <= day, self._left_day, NEVER)
        return pa.table(
            {
                "adviser_id": self.adviser_ids,
                "name": pa.array(self.names),
                "branch_id": branch_ids((self._index % self._branches).astype(np.int32)),
                "licence_no": self.licences,
                "joined_on": self._dates.date32(joined),
                "left_on": self._dates.date32(left),
            }
        )

    @cached_property
    def first_adviser(self) -> Indexes:
        """Per customer the adviser at opening, -1 for a third who have none."""
        customer = np.arange(len(self._population.customer_no), dtype=np.int64)
        place = (hashed_uniform(self._seed, "adviser", customer) * self._per_branch).astype(np.int64)
        adviser = place * self._branches + self._population.branch
        adviser = np.where(self._left_day[adviser] > self._population.opened_day, adviser, self._population.branch)
        return np.where(hashed_uniform(self._seed, "has-adviser", customer) < 0.7, adviser, -1)

    @cached_property
    def handover_day(self) -> Indexes:
        """Per customer the day the branch's first adviser takes over: on leaving, or by rotation."""
        customer = np.arange(len(self.first_adviser), dtype=np.int64)
        opened = np.maximum(self._population.opened_day, 0).astype(np.int64)
        rotates = hashed_uniform(self._seed, "rotates", customer) < 0.1
        rotation = opened + 15 + (hashed_uniform(self._seed, "rotation", customer) * 700).astype(np.int64)
        day = np.minimum(np.where(rotates, rotation, NEVER), self._left_day[np.maximum(self.first_adviser, 0)])
        return np.where(self.first_adviser >= self._branches, day, NEVER)

    def service_adviser(self, customer: Indexes, day: int) -> Indexes:
        """Who serves each customer on the day, -1 for nobody."""
        first = self.first_adviser[customer]
        return np.where(self.handover_day[customer] <= day, self._population.branch[customer], first)

    @cached_property
    def _book(self) -> _Book:
        customer = np.flatnonzero(self.first_adviser >= 0)
        adviser, opened = self.first_adviser[customer], self._population.opened_day[customer].astype(np.int64)
        churn = self._population.churn_day[customer].astype(np.int64) + CLOSING_DAYS
        closed = np.where(self._population.churn_kind[customer] == CHURN_EXPLICIT, churn, NEVER)
        handover = np.minimum(self.handover_day[customer], closed)
        left = np.minimum(self._left_day[adviser], closed)
        taken = self.handover_day[customer] < closed
        wrong = hashed_uniform(self._seed, "mistaken", customer) < 0.02
        other = (adviser + self._branches) % len(self._index)
        wrong &= (opened >= 0) & (other != self._population.branch[customer])
        never = np.full(len(customer), NEVER)
        deleted = np.where(wrong, opened + 2, NEVER)
        branch = self._population.branch[customer].astype(np.int64)
        entries = [
            _Book(adviser, customer, np.zeros_like(customer), opened, left, never),
            _Book(adviser, customer, np.ones_like(customer), opened, handover, never),
            _pick(_Book(branch, customer, np.ones_like(customer), handover, closed, never), taken),
            _pick(_Book(other, customer, np.ones_like(customer), opened, never, deleted), wrong),
        ]
        return _Book(*(np.concatenate(columns) for columns in zip(*(vars(e).values() for e in entries), strict=True)))

    @cached_property
    def _log(self) -> ChangeLog:
        book = self._book
        days = np.concatenate([book.from_day, book.to_day, book.deleted_day])
        return ChangeLog(days, np.tile(np.arange(len(book.adviser), dtype=np.int64), 3))

    def book_rows(self, day: int) -> tuple[pa.Table, str]:
        """crm_adviser_book of a trading day and its kind (`changes` or `snapshot`)."""
        if is_snapshot_day(day):
            entry, position = self._log.snapshot(day)
            there = self._book.deleted_day[entry] > day
            entry, position = entry[there], position[there]
            return self._book_table(entry, position, np.full(len(entry), "S")), "snapshot"
        entry, position = self._log.changes(day)
        is_new, is_gone = self._book.from_day[entry] == day, self._book.deleted_day[entry] == day
        return self._book_table(entry, position, np.select([is_new, is_gone], ["I", "D"], "U")), "changes"

    def _book_table(self, entry: Indexes, position: Indexes, op: NDArray[np.str_]) -> pa.Table:
        book, changed = self._book, self._log.days[position]
        ended = np.where(book.to_day[entry] <= changed, book.to_day[entry], NEVER)
        changed = np.where(changed < 0, book.from_day[entry], changed)
        second = 32_400 + (hashed_uniform(self._seed, "book-second", position) * 30_000).astype(np.int64)
        columns = {
            "change_seq": pa.array(position + 1),
            "op": pa.array(op.tolist(), pa.string()),
            "adviser_id": pa.array(self.adviser_ids[book.adviser[entry]]),
            "customer_no": pa.array(self._population.customer_no[book.customer[entry]]),
            "role": pa.array(ROLES[book.role[entry]]),
            "from_date": self._dates.date32(book.from_day[entry]),
            "to_date": self._dates.date32(ended),
            "changed_at": times_of(self._dates.dates(changed), second),
        }
        return pa.table({name: columns[name] for name in FEEDS["crm_adviser_book"].columns})


def _pick(book: _Book, chosen: NDArray[np.bool_]) -> _Book:
    return _Book(*(column[chosen] for column in vars(book).values()))
