"""crm_customers: the opening snapshot, then inserts and updates, and now and then a snapshot that reconciles.

A row's change_seq and changed_at are those of the customer's last change; in a snapshot too, so that an unchanged
customer's snapshot row differs from the last change row in `op` alone. On a snapshot day there are no I and U rows.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from brokerlake.synthetic.change_log import ChangeLog, is_snapshot_day
from brokerlake.synthetic.day_dates import DayDates, times_of
from brokerlake.synthetic.draws import hashed_uniform
from brokerlake.synthetic.formats import FEEDS
from brokerlake.synthetic.people import CHANGES, People


def nullable(texts: NDArray[np.str_]) -> pa.Array:
    """Arrow strings with null for ''."""
    return pa.array(texts.astype(object), pa.string(), mask=texts == "")


class CustomerFeed:
    """Deliveries of crm_customers by trading day."""

    def __init__(self, people: People, dates: DayDates):
        self._people, self._dates = people, dates

    @cached_property
    def _log(self) -> ChangeLog:
        days = np.stack([self._people.change_days[name] for name in CHANGES])
        return ChangeLog(days.ravel(), np.broadcast_to(self._people.index, days.shape).ravel())

    def rows(self, day: int) -> tuple[pa.Table, str]:
        """The delivery of one trading day and its kind (`changes` or `snapshot`)."""
        if is_snapshot_day(day):
            customer, position = self._log.snapshot(day)
            return self._table(customer, position, np.full(len(customer), "S"), day), "snapshot"
        customer, position = self._log.changes(day)
        is_new = self._people.population.opened_day[customer] == day
        return self._table(customer, position, np.where(is_new, "I", "U"), day), "changes"

    def _table(
        self, customer: NDArray[np.int64], position: NDArray[np.int64], op: NDArray[np.str_], day: int
    ) -> pa.Table:
        if not len(customer):
            return self._table(self._people.index[:1], np.zeros(1, np.int64), np.array(["I"]), day).slice(0, 0)
        profile = self._people.profile(customer, np.full(len(customer), day))
        changed = self._log.days[position]
        changed = np.where(changed < 0, self._people.population.opened_day[customer], changed)
        second = 32_400 + (hashed_uniform(self._people.seed, "crm-second", position) * 36_000).astype(np.int64)
        columns: dict[str, pa.Array] = {
            name: nullable(values) for name, values in profile.items() if not name.startswith("_")
        }
        columns["change_seq"] = pa.array(position + 1)
        columns["op"] = pa.array(op)
        columns["risk_assessed_on"] = self._dates.date32(profile["_tested_day"])
        columns["other_brokers_checked_on"] = self._dates.date32(profile["_brokers_day"])
        columns["changed_at"] = times_of(self._dates.dates(changed), second)
        return pa.table({name: columns[name] for name in FEEDS["crm_customers"].columns})
