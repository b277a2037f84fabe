"""A range of nights in one pass a table, published together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from brokerlake.catalog import Table
from brokerlake.errors import PlanError
from brokerlake.lake import Lake
from brokerlake.plan.dates import RunDates, sparse_dates
from brokerlake.release.releases import Release, current_release
from brokerlake.run.context import Progress, open_run
from brokerlake.run.nightly import run_all

AS_OF_CHOICES = ("all", "sparse")


def range_dates(lake: Lake, first: date, last: date, as_of: str) -> RunDates:
    """The dates of a backfill: facts and logs of every night, gold of all (or sparse) as-of dates in the range.

    `sparse`: month ends and the last five nights. Nights between the last release and `first` come with it.
    """
    nights = lake.calendar.between(first, last)
    if not nights:
        raise PlanError(f"backfill {first} to {last}: no trading day in that range")
    if as_of not in AS_OF_CHOICES:
        raise PlanError(f"backfill: as-of dates {as_of!r}: choose {' or '.join(AS_OF_CHOICES)}")
    wanted = tuple(nights) if as_of == "all" else sparse_dates(lake.calendar, nights)
    base = current_release(lake.settings)
    if base is None:
        return RunDates(tuple(nights), tuple(nights), wanted, nights[-1])
    newest = max(nights[-1], base.night)
    missing = lake.calendar.between(lake.calendar.next(base.night), nights[0]) if nights[0] > base.night else []
    landed = tuple(sorted({*missing, *nights}))
    return RunDates(landed, tuple(lake.calendar.between(landed[0], newest)), wanted, newest)


def chosen_tables(lake: Lake, from_table: str | None) -> Sequence[Table]:
    """Every table, or `from_table` and all that is made from it."""
    if from_table is None:
        return [lake.catalogue[name] for name in lake.catalogue.order]
    names = {from_table, *lake.catalogue.downstream(lake.catalogue[from_table].name)}
    return [lake.catalogue[name] for name in lake.catalogue.order if name in names]


def run_backfill(
    lake: Lake, first: date, last: date, *, from_table: str | None = None, as_of: str = "all", progress: Progress
) -> Release:
    """Make the range and publish it as one release; the release."""
    dates = range_dates(lake, first, last, as_of)
    run_id = ":".join(
        ["backfill", str(first), str(last), *([from_table] if from_table else []), *([as_of] if as_of != "all" else [])]
    )
    run = open_run(lake, "backfill", run_id, dates, progress)
    return run_all(run, chosen_tables(lake, from_table))
