"""Which night a DAG run is for: partition key, else parameter, else logical date in the market's zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from brokerlake.errors import PlanError

PARAMETER = "night"


def _read(text: str, source: str) -> date:
    try:
        return date.fromisoformat(text[:10]) if len(text) == 10 else datetime.fromisoformat(text).date()
    except ValueError as broken:
        raise PlanError(f"night: the {source} {text!r} is no date like 2024-10-25") from broken


def business_date(
    *, partition_key: str | None, parameters: Mapping[str, Any], logical_date: datetime | None, time_zone: str
) -> date:
    """The night's date; raises PlanError when none of the three says one.

    Never Airflow's `ds`: it is the date in UTC, and runs without a logical date have none. A partition key is read
    as it stands (its timetable has made it in the market's zone).
    """
    if partition_key:
        return _read(partition_key, "partition key")
    if parameters.get(PARAMETER):
        return _read(str(parameters[PARAMETER]), "parameter `night`")
    if logical_date is None:
        raise PlanError("night: the run has no partition key, no parameter `night` and no logical date")
    return logical_date.astimezone(ZoneInfo(time_zone)).date()


def night_of(context: Mapping[str, Any], time_zone: str) -> date:
    """The night of an Airflow task context."""
    run = context.get("dag_run")
    return business_date(
        partition_key=context.get("partition_key") or getattr(run, "partition_key", None),
        parameters=context.get("params") or {},
        logical_date=context.get("logical_date") or getattr(run, "logical_date", None),
        time_zone=time_zone,
    )
