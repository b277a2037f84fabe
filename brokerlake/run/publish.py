"""The last step of a run: everything passed, totals carried, then one release row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from brokerlake.catalog import Carried, Table
from brokerlake.errors import ConfigurationError, PlanError, TotalsError
from brokerlake.privacy.restrictions import hidden_rows, leaves_out_persons
from brokerlake.quality.results import CRITICAL, Result, file_results
from brokerlake.release.releases import Release, publish_release
from brokerlake.run.asked import drop_answers
from brokerlake.run.context import MANIFESTS, Run
from brokerlake.run.landing_step import stale_feeds
from brokerlake.run.verdicts import ROWS, file_totals, total_row
from brokerlake.tables import delta_files, ops
from brokerlake.tables.delta_queries import ask, identifier, scan_days

LEDGER = "ops.ledger"
MOST_OPS_FILES = 60


def publish(run: Run, tables: Sequence[Table], note: str | None = None) -> Release:
    """Make the run visible by one release row; the current release when the run changed nothing.

    Raises PlanError when a table of the run has not passed, TotalsError when rows or money do not reconcile.
    """
    for table in tables:
        stale = run.stale_days(table)
        if stale:
            raise PlanError(f"{table.name}: {stale[0]}: not passed, so nothing is published")
    reconcile(run, tables)
    drop_answers(run.staging)
    vector = {name: version for name, version in run.state.vector.items() if name != LEDGER}
    known = {name for name in vector if name == MANIFESTS or name in run.lake.catalogue.tables}
    vector = {name: version for name, version in vector.items() if name in known}
    if run.base and vector == {name: v for name, v in run.base.vector.items() if name != LEDGER}:
        run.progress(f"release {run.base.number} stands: nothing changed")
        return run.base
    return publish_vector(run, vector, note)


def publish_vector(run: Run, vector: dict[str, int], note: str | None = None) -> Release:
    """One release row with these versions of the tables and the ledger as it stands."""
    run.check_lease()
    for name in ("ledger", "quality_results", "control_totals", "rejected"):
        path = ops.ops_path(run.lake.settings, name)
        if delta_files.head(path) is not None:
            delta_files.compact(path, MOST_OPS_FILES)
    vector[LEDGER] = int(delta_files.head(ops.ops_path(run.lake.settings, "ledger")) or 0)
    with run.held_lease().committing():
        release = publish_release(
            run.lake.settings,
            run_id=run.run_id,
            kind=run.kind,
            night=run.dates.newest,
            first_date=min(run.dates.nights or run.dates.as_of or (run.dates.newest,)),
            vector=vector,
            public=tuple(name for name in run.lake.catalogue.public if name in vector),
            stale_feeds=stale_feeds(run, run.dates.newest),
            note=note,
        )
    run.progress(f"release {release.number} published: night {release.night}, {len(release.public)} public tables")
    return release


def reconcile(run: Run, tables: Sequence[Table]) -> None:
    """Rows and money from landing to gold; raises TotalsError with table, night and measure when they differ."""
    _reconcile_feeds(run)
    for table in tables:
        _reconcile_carried(run, table)


def _reconcile_feeds(run: Run) -> None:
    totals = ops.read_ops(run.lake.settings, "control_totals")
    nights = pc.is_in(totals["night"], pc.cast(_dates(run), totals["night"].type))
    wrong = totals.filter(pc.and_(nights, pc.not_equal(totals["difference"], Decimal(0))))
    for row in wrong.to_pylist():
        if row["table_name"] in run.lake.catalogue.tables:
            raise TotalsError(
                f"{row['table_name']}: night {row['night']}: {row['measure']} do not reconcile: "
                f"{row['came_in'].normalize():f} came in, {row['difference'].normalize():f} unexplained"
            )


def _dates(run: Run) -> pa.Array:
    return pa.array(sorted(run.dates.nights), pa.date32())


def _reconcile_carried(run: Run, table: Table) -> None:
    """Totals that must arrive unchanged from a source table, date by date; filed beside the feeds' totals."""
    results, rows, days = [], [], run.days_of(table)
    causes: list[str] = []
    for carried in table.carried:
        if carried.table not in run.lake.catalogue.tables:
            continue
        pairs = [(day, *_both(run, table, carried, day)) for day in days]
        left_out = _left_out(run, table, carried, days)
        unequal = [(day, here, there) for day, here, there in pairs if here + left_out[day] != there]
        sentence = f"{carried.column} equals {carried.source_column} of {carried.table}, date by date"
        rule = f"{carried.column}_carried_from_{carried.table.partition('.')[2]}"
        results.append(Result(rule, "totals", carried.column, CRITICAL, not unequal, len(unequal), len(days), sentence))
        rows += [
            total_row(run, table, "gold", day, carried.column, there, kept=here, restricted=left_out[day])
            for day, here, there in pairs
        ]
        causes += [
            f"{table.name}: {day}: {carried.column} is {here}, {carried.table} has {there}"
            for day, here, there in unequal[:1]
        ]
    if results and not _are_filed(run, table, results):
        file_totals(run, table.name, rows)
        version = run.state.vector.get(table.name)
        run.check_lease()
        file_results(
            run.lake.settings, run_id=run.run_id, table=table.name, days=days, version=version, results=results
        )
    if causes:
        raise TotalsError(causes[0])


def _are_filed(run: Run, table: Table, results: Sequence[Result]) -> bool:
    """Whether an earlier publish of this run filed the same results of the same version."""
    names = ["run_id", "table_name", "version", "rule_id", "passed"]
    filed = ops.read_ops(run.lake.settings, "quality_results", names)
    of_run = filed.filter(pc.and_(pc.equal(filed["run_id"], run.run_id), pc.equal(filed["table_name"], table.name)))
    known = {(row["version"], row["rule_id"], row["passed"]) for row in of_run.to_pylist()}
    version = run.state.vector.get(table.name)
    return all((version, result.rule_id, result.passed) in known for result in results)


def _left_out(run: Run, table: Table, carried: Carried, days: Sequence[date]) -> dict[date, Decimal]:
    """Per date what the source table holds of restricted persons, whom the table leaves out."""
    none = dict.fromkeys(days, Decimal(0))
    if not days or not run.restricted or not leaves_out_persons(table, run.contract(table)):
        return none
    source = run.lake.contract(carried.table)
    condition = hidden_rows(source, run.hidden())
    if condition is None or source.date_column is None:
        return none
    path, version = run.lake.settings.table_path(carried.table), run.state.vector[carried.table]
    value = "count(*)" if carried.source_column == ROWS else f"sum({identifier(carried.source_column)})"
    found = ask(
        f"SELECT {identifier(source.date_column)} AS day, {value}::DECIMAL(38, 4) AS total "
        f"FROM {scan_days(path, version, source.date_column, days)} AND ({condition}) GROUP BY ALL"
    )
    return none | {row["day"]: row["total"] or Decimal(0) for row in found.to_pylist()}


def _both(run: Run, table: Table, carried: Carried, day: date) -> tuple[Decimal, Decimal]:
    return _total(run, table.name, day, carried.column), _total(run, carried.table, day, carried.source_column)


def _total(run: Run, table: str, day: date, column: str) -> Decimal:
    """Rows, or a control sum, of that date; 0 for a date without rows."""
    done = run.state.get(table, day)
    if done is None:
        return Decimal(0)
    if column == ROWS:
        return Decimal(done.row_count)
    sums = json.loads(done.sums)
    if column not in sums:
        raise ConfigurationError(
            f"{table}: {column} is carried in the catalogue but is no control_total of its contract"
        )
    return Decimal(sums[column])
