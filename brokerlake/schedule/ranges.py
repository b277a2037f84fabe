"""Ranges of nights as people type them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from brokerlake.errors import PlanError

if TYPE_CHECKING:
    from brokerlake.lake import Lake


def read_day(text: str, name: str) -> date:
    """The date; raises PlanError naming the argument."""
    try:
        return date.fromisoformat(text)
    except ValueError as broken:
        raise PlanError(f"{name}: {text!r} is no date like 2024-10-25") from broken


def check_range(lake: Lake, first: str, last: str, from_table: str | None = None) -> list[date]:
    """The trading days of the range, ascending.

    Raises:
        PlanError: the range runs backwards or has no trading day.
        ConfigurationError: `from_table` is no table of this lake.
    """
    begin, end = read_day(first, "first"), read_day(last, "last")
    if begin > end:
        raise PlanError(f"backfill: {begin} is after {end}")
    nights = lake.calendar.between(begin, end)
    if not nights:
        raise PlanError(f"backfill: no trading day of {lake.calendar.name} from {begin} to {end}")
    if from_table:
        lake.catalogue[from_table]
    return nights
