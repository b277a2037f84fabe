"""The range of nights that a DAG run is for, from its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from brokerlake.errors import PlanError

if TYPE_CHECKING:
    from brokerlake.run.backfill import Range


def read_day(text: str, name: str) -> date:
    """The date; raises PlanError naming the argument."""
    try:
        return date.fromisoformat(text)
    except ValueError as broken:
        raise PlanError(f"{name}: {text!r} is no date like 2024-10-25") from broken


def range_of(parameters: Mapping[str, Any]) -> Range:
    """The range of the parameters `first`, `last`, `from_table` and `as_of`; raises PlanError when a date is none."""
    from brokerlake.run.backfill import ALL, Range

    first, last = (read_day(str(parameters.get(name) or ""), name) for name in ("first", "last"))
    return Range(first, last, parameters.get("from_table") or None, str(parameters.get("as_of") or ALL))
