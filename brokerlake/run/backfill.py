"""A range of nights in one pass a table, published together; whole, or group by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from brokerlake.catalog import Table
from brokerlake.errors import PlanError
from brokerlake.lake import Lake
from brokerlake.lease import Lease, hold
from brokerlake.plan.dates import RunDates, sparse_dates
from brokerlake.release.releases import Release, read_releases
from brokerlake.rights import close_folders
from brokerlake.run.context import MANIFESTS, Progress, Run, open_run
from brokerlake.run.landing_step import load_deliveries
from brokerlake.run.nightly import REPORT, refuse_before_the_first, report_current, run_all, run_one_group

ALL, SPARSE, LAST = "all", "sparse", "last"
AS_OF_CHOICES = (ALL, SPARSE, LAST)


@dataclass(frozen=True)
class Range:
    """A backfill as it is asked for.

    Attributes:
        from_table: make only this table and what is made from it; None for every table.
        as_of: `all` as-of dates of the range, `sparse`: month ends and the last five nights, or the `last` night.
    """

    first: date
    last: date
    from_table: str | None = None
    as_of: str = ALL

    @property
    def run_id(self) -> str:
        """Same dates and options, same run: a second attempt goes on where the first stopped."""
        options = (self.from_table, self.as_of if self.as_of != ALL else None)
        return ":".join(["backfill", str(self.first), str(self.last), *(option for option in options if option)])


def base_of_range(lake: Lake, asked: Range) -> Release | None:
    """The release the range stands on: the newest that it did not publish itself; None for an empty lake.

    So the dates of the run are the same before its publish and after it, when a task is tried again.
    """
    releases = read_releases(lake.settings)
    while releases and releases[-1].run_id == asked.run_id:
        releases.pop()
    return releases[-1] if releases else None


def range_dates(lake: Lake, asked: Range) -> RunDates:
    """The dates of a backfill: facts and logs of every night, gold of all (or sparse) as-of dates in the range.

    Nights between the last release and the range come with it.

    Raises:
        PlanError: the range cannot be made; one line says why. Nothing is written before.
    """
    nights = _nights(lake, asked)
    base = base_of_range(lake, asked)
    chosen_tables(lake, asked.from_table)
    refuse_before_the_first(lake, nights[0])
    _refuse_without_sources(asked, nights, base)
    wanted = _as_of_dates(lake, asked, nights)
    if base is None:
        return RunDates(tuple(nights), tuple(nights), wanted, nights[-1])
    newest = max(nights[-1], base.night)
    missing = lake.calendar.between(lake.calendar.next(base.night), nights[0]) if nights[0] > base.night else []
    landed = tuple(sorted({*missing, *nights}))
    return RunDates(landed, tuple(lake.calendar.between(landed[0], newest)), wanted, newest)


def _as_of_dates(lake: Lake, asked: Range, nights: Sequence[date]) -> tuple[date, ...]:
    if asked.as_of == SPARSE:
        return sparse_dates(lake.calendar, nights)
    return tuple(nights) if asked.as_of == ALL else (nights[-1],)


def _nights(lake: Lake, asked: Range) -> list[date]:
    if asked.as_of not in AS_OF_CHOICES:
        raise PlanError(f"backfill: as-of dates {asked.as_of!r}: choose {', '.join(AS_OF_CHOICES)}")
    if asked.first > asked.last:
        raise PlanError(f"backfill: {asked.first} is after {asked.last}")
    nights = lake.calendar.between(asked.first, asked.last)
    if not nights:
        raise PlanError(f"backfill: no trading day of {lake.calendar.name} from {asked.first} to {asked.last}")
    return nights


def _refuse_without_sources(asked: Range, nights: Sequence[date], base: Release | None) -> None:
    unpublished = [night for night in nights if base is None or night > base.night]
    if asked.from_table and unpublished:
        raise PlanError(
            f"backfill from {asked.from_table}: night {unpublished[0]} is not published yet, so what the table is made "
            "from is not there; backfill that night with every table"
        )


def chosen_tables(lake: Lake, from_table: str | None) -> Sequence[Table]:
    """Every table, or `from_table` and all that is made from it; raises PlanError when the lake has no such table."""
    if not from_table:
        return [lake.catalogue[name] for name in lake.catalogue.order]
    if from_table not in lake.catalogue.tables:
        raise PlanError(f"backfill from {from_table}: no such table in data_catalog.yaml with the feeds of this lake")
    names = {from_table, *lake.catalogue.downstream(from_table)}
    return [lake.catalogue[name] for name in lake.catalogue.order if name in names]


def open_range(lake: Lake, asked: Range, progress: Progress, lease: Lease | None = None) -> Run:
    """The run of the range, resumed where it stands."""
    close_folders(lake.settings)
    run = open_run(lake, "backfill", asked.run_id, range_dates(lake, asked), progress, lease)
    if MANIFESTS in run.state.vector:
        load_deliveries(run)
    return run


def run_backfill(
    lake: Lake, first: date, last: date, *, from_table: str | None = None, as_of: str = ALL, progress: Progress
) -> Release:
    """Make the range and publish it as one release; the release. Raises LeaseError while another run is at work."""
    asked = Range(first, last, from_table, as_of)
    range_dates(lake, asked)
    with hold(lake.settings, asked.run_id) as lease:
        return run_all(open_range(lake, asked, progress, lease), chosen_tables(lake, from_table))


def run_range_group(lake: Lake, group: str, asked: Range, progress: Progress, *, base: int | None = None) -> None:
    """One task of the backfill: the chosen tables of `group`; what passed is skipped, so a retry goes on.

    Args:
        lake: the lake.
        group: landing, a group of the catalogue, publish or report.
        asked: the range.
        progress: gets a line per table.
        base: number of the release the range began on, 0 for an empty lake; None leaves that unchecked.

    Raises:
        PlanError: another run has published since the range began, so its dates would no longer be the same.
    """
    if base is not None:
        _refuse_another_base(lake, asked, base)
    if group == REPORT:
        report_current(lake, asked.run_id, progress)
        return
    with hold(lake.settings, asked.run_id, group) as lease:
        run_one_group(open_range(lake, asked, progress, lease), group, chosen_tables(lake, asked.from_table))


def _refuse_another_base(lake: Lake, asked: Range, base: int) -> None:
    later = [release for release in read_releases(lake.settings) if release.number > base]
    if later and later[0].run_id != asked.run_id:
        raise PlanError(
            f"backfill {asked.first} to {asked.last}: {later[0].run_id} published release {later[0].number} after the "
            "range began on another; run it again from its first task"
        )
