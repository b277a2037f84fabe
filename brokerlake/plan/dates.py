"""The dates of a run and which of them a table takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from brokerlake.calendar import TradingCalendar
from brokerlake.catalog import Contract, Table

DELIVERED = "_delivered_on"
SPARSE_LAST_NIGHTS = 5


def is_as_of(table: Table, contract: Contract) -> bool:
    """True for a table whose dates are as-of dates: made from what was known on them, not from what they delivered."""
    return table.layer != "bronze" and table.write != "replace_all" and contract.date_column not in (None, DELIVERED)


@dataclass(frozen=True)
class RunDates:
    """What a run speaks of.

    Attributes:
        landed: nights whose deliveries it takes (bronze).
        nights: nights whose silver partitions it makes: the landed ones and later ones that may be stale.
        as_of: as-of dates whose gold it makes.
        newest: the newest night of the lake after the run; whole tables are made for it.
    """

    landed: tuple[date, ...]
    nights: tuple[date, ...]
    as_of: tuple[date, ...]
    newest: date

    def of(self, table: Table, contract: Contract, calendar: TradingCalendar) -> tuple[date, ...]:
        """The table's own dates in this run, ascending."""
        if table.layer == "bronze":
            return self.landed
        if table.write == "replace_all" or contract.date_column is None:
            return (self.newest,)
        if contract.date_column == DELIVERED:
            return self.nights
        if table.cadence == "month_end":
            return tuple(day for day in self.as_of if calendar.is_month_end(day))
        return self.as_of


def sparse_dates(calendar: TradingCalendar, nights: Iterable[date]) -> tuple[date, ...]:
    """Month ends among the nights and the last five of them."""
    ordered = sorted(nights)
    last = set(ordered[-SPARSE_LAST_NIGHTS:])
    return tuple(day for day in ordered if day in last or calendar.is_month_end(day))
