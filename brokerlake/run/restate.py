"""A restatement: as-of tables of past dates made again with what is known by a later night, and published.

The night is kept with each date in the ledger and in its step keys, so whatever runs later makes those dates with the
same knowledge. Facts and logs stay as they were delivered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from brokerlake.catalog import Table
from brokerlake.errors import PlanError
from brokerlake.lake import Lake
from brokerlake.lease import Lease, hold
from brokerlake.plan.dates import RunDates, is_as_of
from brokerlake.plan.state import load_state
from brokerlake.release.releases import Release, current_release
from brokerlake.rights import close_folders
from brokerlake.run.context import MANIFESTS, Progress, Run, open_run
from brokerlake.run.landing_step import load_deliveries
from brokerlake.run.nightly import refuse_before_the_first, run_tables, write_report
from brokerlake.run.publish import publish

KIND = "restate"


@dataclass(frozen=True)
class Restatement:
    """A restatement as it is asked for: as-of dates `first` to `last`, with what is known by `known_through`."""

    first: date
    last: date
    known_through: date

    @property
    def run_id(self) -> str:
        """Same dates and knowledge, same run: a second attempt goes on where the first stopped."""
        return f"{KIND}:{self.first}:{self.last}:{self.known_through}"


def as_of_tables(lake: Lake) -> list[Table]:
    """Every table whose dates are as-of dates, in run order."""
    return [lake.catalogue[n] for n in lake.catalogue.order if is_as_of(lake.catalogue[n], lake.contract(n))]


def restated_dates(lake: Lake, asked: Restatement) -> RunDates:
    """The dates of a restatement: the as-of dates of the range that were made.

    Raises:
        PlanError: the range or the night of knowledge cannot be; one line says why. Nothing is written before.
    """
    base = current_release(lake.settings)
    if asked.first > asked.last:
        raise PlanError(f"restate: {asked.first} is after {asked.last}")
    if base is None or asked.last > base.night:
        raise PlanError(f"restate: {asked.last} is not published yet, so there is nothing to restate")
    if not asked.last <= asked.known_through <= base.night or not lake.calendar.is_trading_day(asked.known_through):
        raise PlanError(
            f"restate: known through {asked.known_through}: must be a published night from {asked.last} to {base.night}"
        )
    refuse_before_the_first(lake, asked.first)
    state, _ = load_state(lake.settings, asked.run_id, base)
    made = {day for table in as_of_tables(lake) for day in state.dates(table.name)}
    days = tuple(sorted(day for day in made if asked.first <= day <= asked.last))
    if not days:
        raise PlanError(f"restate: no as-of date from {asked.first} to {asked.last} was made")
    return RunDates((), (), days, base.night)


def open_restatement(lake: Lake, asked: Restatement, progress: Progress, lease: Lease | None = None) -> Run:
    """The run of the restatement, resumed where it stands."""
    close_folders(lake.settings)
    dates = restated_dates(lake, asked)
    run = open_run(lake, KIND, asked.run_id, dates, progress, lease)
    run.state.know(dates.as_of, asked.known_through)
    if MANIFESTS in run.state.vector:
        load_deliveries(run)
    return run


def run_restatement(
    lake: Lake, first: date, last: date, *, known_through: date | None = None, progress: Progress
) -> Release:
    """Make the as-of tables of these dates with what is known by a night (the newest when None); the release."""
    base = current_release(lake.settings)
    asked = Restatement(first, last, known_through or (base.night if base else last))
    restated_dates(lake, asked)
    with hold(lake.settings, asked.run_id) as lease:
        return _make(open_restatement(lake, asked, progress, lease), asked, as_of_tables(lake))


def _make(run: Run, asked: Restatement, tables: Sequence[Table]) -> Release:
    run_tables(run, tables)
    note = f"{asked.first} to {asked.last} as known on {asked.known_through}"
    release = publish(run, tables, note=note)
    write_report(run.lake, release, run.progress)
    return release
