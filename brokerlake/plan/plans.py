"""What a run would do, without doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from brokerlake.catalog import Table
from brokerlake.lake import Lake
from brokerlake.plan.dates import RunDates
from brokerlake.run.context import MANIFESTS, Run, open_run
from brokerlake.run.landing_step import load_deliveries

RUN, SKIP = "run", "skip"


@dataclass(frozen=True)
class PlannedStep:
    """One table of a plan.

    Attributes:
        action: run or skip.
        reason: never made, inputs or code changed, made from what runs, or done.
    """

    table: str
    group: str
    dates: tuple[date, ...]
    action: str
    reason: str


def make_plan(lake: Lake, run_id: str, dates: RunDates, tables: Sequence[Table] | None = None) -> list[PlannedStep]:
    """The steps of that run in order, with the reason of each; `tables` in run order when it makes only some."""
    run = open_run(lake, run_id.partition(":")[0], run_id, dates, lambda _: None)
    if MANIFESTS in run.state.vector:
        load_deliveries(run)
    steps: list[PlannedStep] = []
    running: set[str] = set()
    for table in tables if tables is not None else [lake.catalogue[name] for name in lake.catalogue.order]:
        step = _plan_step(run, table, running)
        steps.append(step)
        if step.action == RUN:
            running.add(table.name)
    return steps


def _plan_step(run: Run, table: Table, running: set[str]) -> PlannedStep:
    days, stale = run.days_of(table), run.stale_days(table)
    fed = sorted(running.intersection(table.sources))
    if not stale and not fed:
        return PlannedStep(table.name, table.group, days, SKIP, "done")
    if any(run.state.get(table.name, day) is None for day in stale):
        reason = "not made yet"
    elif stale:
        reason = "inputs, code or rules changed"
    else:
        reason = f"made from {fed[0]}"
    return PlannedStep(table.name, table.group, tuple(stale) or days, RUN, reason)
