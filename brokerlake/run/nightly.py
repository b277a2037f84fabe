"""A night: landing, bronze, silver, gold, publish, report; whole, by group or one table."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date

from brokerlake.catalog import Table
from brokerlake.errors import ConfigurationError, PlanError
from brokerlake.lake import Lake
from brokerlake.lease import Lease, hold
from brokerlake.plan.dates import RunDates
from brokerlake.quality.suites import load_library
from brokerlake.release.releases import Release, current_release, read_releases
from brokerlake.rights import close_folders
from brokerlake.run.bronze_step import reads_in_tasks, run_bronze_step
from brokerlake.run.context import MANIFESTS, Progress, Run, open_run
from brokerlake.run.landing_step import load_deliveries, take_deliveries
from brokerlake.run.publish import publish
from brokerlake.run.scheduler import run_in_order
from brokerlake.run.tables_step import run_table_step
from brokerlake.session import ONE_PROCESS_VARIABLE, REMOTE_VARIABLE
from brokerlake.under_way import working_on

log = logging.getLogger(__name__)
LANDING, PUBLISH, REPORT = "landing", "publish", "report"


def night_dates(lake: Lake, night: date) -> RunDates:
    """The dates of the run of `night`: nights missing since the last release come first.

    Raises PlanError when `night` is no trading day or before the lake's first.
    """
    if not lake.calendar.is_trading_day(night):
        raise PlanError(f"night {night}: not a trading day of {lake.calendar.name}")
    refuse_before_the_first(lake, night)
    base = current_release(lake.settings)
    if base is None:
        return RunDates((night,), (night,), (night,), night)
    if night > base.night:
        nights = tuple(lake.calendar.between(lake.calendar.next(base.night), night))
        return RunDates(nights, nights, (night,), night)
    return RunDates((night,), tuple(lake.calendar.between(night, base.night)), (night,), base.night)


def refuse_before_the_first(lake: Lake, night: date) -> None:
    """Raises PlanError for a night before the first one the lake ever published."""
    first = min((release.first_date for release in read_releases(lake.settings)), default=None)
    if first is not None and night < first:
        raise PlanError(
            f"night {night} is before {first}, the first of this lake: a lake cannot get nights before "
            "its first; their rows can come late, with the next night"
        )


def night_id(night: date) -> str:
    """Run id of a night: the same night again is another attempt of the same run."""
    return f"nightly:{night}"


def open_night(lake: Lake, night: date, progress: Progress, lease: Lease | None = None) -> Run:
    """The run of `night`, resumed where it stands."""
    close_folders(lake.settings)
    run = open_run(lake, "nightly", night_id(night), night_dates(lake, night), progress, lease)
    if MANIFESTS in run.state.vector:
        load_deliveries(run)
    return run


def run_night(lake: Lake, night: date, progress: Progress) -> Release:
    """The whole night in this process; the release it published. Raises LeaseError while another run is at work."""
    night_dates(lake, night)
    with hold(lake.settings, night_id(night)) as lease:
        run = open_night(lake, night, progress, lease)
        return run_all(run, tuple(lake.catalogue[name] for name in lake.catalogue.order))


def run_all(run: Run, tables: Sequence[Table]) -> Release:
    """Landing, the given tables, publish and report."""
    with working_on(run.progress, LANDING):
        take_deliveries(run)
    run_tables(run, tables)
    with working_on(run.progress, PUBLISH):
        release = publish(run, tables)
    write_report(run.lake, release, run.progress)
    return release


def run_group(lake: Lake, group: str, night: date, progress: Progress) -> None:
    """One task of the night; what passed is skipped, so a retry goes on where it stopped."""
    if group == REPORT:
        report_current(lake, night_id(night), progress)
        return
    with hold(lake.settings, night_id(night), group) as lease:
        run = open_night(lake, night, progress, lease)
        run_one_group(run, group, [lake.catalogue[name] for name in lake.catalogue.order])


def run_one_group(run: Run, group: str, tables: Sequence[Table]) -> None:
    """One task of a run that makes the given tables: those of `group` in order, or landing or publish."""
    if group == LANDING:
        take_deliveries(run)
    elif group == PUBLISH:
        publish(run, tables)
        run.held_lease().end()
    elif group in run.lake.catalogue.groups:
        run_tables(run, [table for table in tables if table.group == group])
    else:
        raise ConfigurationError(f"group {group}: not in data_catalog.yaml")


def run_table(lake: Lake, table: str, night: date, progress: Progress) -> None:
    """One table of a night; its sources must have passed."""
    with hold(lake.settings, night_id(night), lake.catalogue[table].group) as lease:
        run_tables(open_night(lake, night, progress, lease), [lake.catalogue[table]])


def run_tables(run: Run, tables: Sequence[Table]) -> None:
    """Tables in order of their sources, several at a time; Spark starts while bronze is read, which needs no Spark."""
    at_a_time = int(run.lake.settings.conf.get("spark", {}).get("tables_at_a_time", 3))
    stale = [table for table in tables if run.stale_days(table)]
    in_spark = [table for table in stale if table.layer != "bronze" or reads_in_tasks(run)]
    if in_spark or (stale and os.environ.get(ONE_PROCESS_VARIABLE)):
        opening = threading.Thread(target=_open_spark, args=(run, in_spark), name="open-spark")
        opening.start()
        if at_a_time == 1:
            opening.join()
    run_in_order(tables, _told(run), at_a_time)


def _open_spark(run: Run, tables: Sequence[Table]) -> None:
    """Open the session and load the library that judges; what goes wrong goes wrong again where they are needed."""
    with suppress(Exception):
        with working_on(run.progress, "start of Spark"):
            version = run.spark.version
        over = " over Spark Connect" if os.environ.get(REMOTE_VARIABLE) else ""
        in_tasks = "bronze in its tasks, " if any(table.layer == "bronze" for table in tables) else ""
        if tables:
            run.progress(f"spark {version}{over}: {in_tasks}{len(tables)} tables")
        load_library()


def _told(run: Run) -> Callable[[Table], None]:
    def told(table: Table) -> None:
        step = run_bronze_step if table.layer == "bronze" else run_table_step
        with working_on(run.progress, table.name):
            is_made = step(run, table)
        if not is_made:
            log.info("%s: nothing to do", table.name)
            return
        days = run.days_of(table)
        rows = sum(done.row_count for day in days if (done := run.state.get(table.name, day)))
        run.progress(
            f"{table.name}: {rows:,} rows, {len(days)} dates" if len(days) > 1 else f"{table.name}: {rows:,} rows"
        )

    return told


def report_current(lake: Lake, run_id: str, progress: Progress) -> None:
    """The last task of a run: the page of what is served; it writes no table, so it needs no lease."""
    release = current_release(lake.settings)
    if release is None:
        raise PlanError(f"{run_id}: nothing is published, so there is nothing to report")
    write_report(lake, release, progress)


def write_report(lake: Lake, release: Release, progress: Progress) -> None:
    """The steward's page of a release."""
    from brokerlake.reports.steward import write_steward_report

    with working_on(progress, REPORT):
        path = write_steward_report(lake, release)
    progress(f"report: {path}")
