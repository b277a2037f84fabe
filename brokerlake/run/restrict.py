"""Restriction of a customer: their rows leave public gold at once, by a release of its own; readers hide the rest.

The runner leaves them out of public gold from then on. Silver keeps them, so counts that are made from it stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from brokerlake.catalog import Table
from brokerlake.errors import PlanError
from brokerlake.lake import Lake
from brokerlake.lease import Lease, hold
from brokerlake.plan.dates import RunDates
from brokerlake.plan.state import PASSED, Done
from brokerlake.plan.step_keys import StepKeys
from brokerlake.privacy.restrictions import (
    CUSTOMER,
    LIFT,
    RESTRICT,
    Hidden,
    decide,
    find_map,
    hidden_rows,
    identifiers_of,
    leaves_out_persons,
    restricted_customers,
)
from brokerlake.release.releases import Release, current_release
from brokerlake.rights import close_folders
from brokerlake.run.context import Progress, Run, open_run
from brokerlake.run.landing_step import load_deliveries
from brokerlake.run.publish import publish_vector
from brokerlake.tables import delta_files, ops
from brokerlake.tables.delta_queries import ask, identifier, scan
from brokerlake.tables.digests import measure, nothing

KIND = "restrict"


def restrict_customer(lake: Lake, customer: str, why: str, progress: Progress) -> Release:
    """Record the restriction, delete the person's rows from public gold and publish; the release.

    The same command again finishes what was interrupted.

    Raises PlanError for a customer whom the lake does not know, LeaseError while a run is at work.
    """
    base = current_release(lake.settings)
    if base is None:
        raise PlanError("restrict: nothing is published yet")
    before = restricted_customers(lake.settings)
    if customer not in before:
        _refuse_unknown(lake, base, customer)
    with hold(lake.settings, f"{KIND}:{base.number}") as lease:
        if customer not in before:
            decide(lake.settings, customer, RESTRICT, why)
        served = current_release(lake.settings) or base
        return _leave_out(lake, served, [name for name in before if name != customer], progress, lease)


def _leave_out(lake: Lake, base: Release, others: Sequence[str], progress: Progress, lease: Lease) -> Release:
    run = _open(lake, base, lease)
    _delete_rows(run, others, run.hidden(), progress)
    if all(base.vector.get(name) == version for name, version in run.state.vector.items()):
        progress(f"release {base.number} stands: no public gold table has a row of this customer")
        return base
    return publish_vector(run, dict(run.state.vector), note="rows of a restricted customer left out")


def lift_restriction(lake: Lake, customer: str, why: str) -> None:
    """Record that the customer may be shown again; raises PlanError when they are not restricted."""
    if customer not in restricted_customers(lake.settings):
        raise PlanError("restrict: this customer is not restricted, so there is nothing to lift")
    decide(lake.settings, customer, LIFT, why)


def _refuse_unknown(lake: Lake, base: Release, customer: str) -> None:
    person_map = find_map(lake.catalogue.tables.values(), lake.contract)
    if person_map is None:
        raise PlanError("restrict: no table of this lake tells which identifiers belong to a person")
    named = identifiers_of(lake.settings, person_map, base.vector, [customer])
    if set(named) == {CUSTOMER}:
        raise PlanError(f"restrict: release {base.number} knows no such customer_no")


def _open(lake: Lake, base: Release, lease: Lease) -> Run:
    """A run of no date: it takes nothing and builds nothing. Its name counts decisions and tells nobody's number."""
    close_folders(lake.settings)
    number = ops.read_ops(lake.settings, "restrictions").num_rows
    run = open_run(lake, KIND, f"{KIND}:{number}", RunDates((), (), (), base.night), lambda _: None, lease)
    load_deliveries(run)
    return run


def _delete_rows(run: Run, others: Sequence[str], hidden: Hidden, progress: Progress) -> None:
    """Delete the rows from every public gold table that has some, and keep the ledger true."""
    keys_before = StepKeys(run.lake, run.state, run.deliveries, others)
    tables = [run.lake.catalogue[name] for name in run.lake.catalogue.order if name in run.state.vector]
    tables = [table for table in tables if leaves_out_persons(table, run.contract(table))]
    fresh = {
        (table.name, day)
        for table in tables
        for day in run.state.dates(table.name)
        if (done := run.state.get(table.name, day)) and done.step_key == keys_before.of(table, day)
    }
    for table in tables:
        counts = _rows_by_date(run, table, hidden)
        if counts:
            _delete_from(run, table, hidden, counts)
            progress(f"{table.name}: {sum(counts.values()):,} rows of {len(counts)} dates deleted")
        _record(run, table, fresh, _measured(run, table, counts))


def _rows_by_date(run: Run, table: Table, hidden: Hidden) -> dict[date, int]:
    """Rows of restricted persons in the released version by date; those of a table without dates count as its last."""
    contract = run.contract(table)
    day = identifier(contract.date_column) if contract.date_column else f"DATE '{run.state.dates(table.name)[-1]}'"
    rows = scan(run.lake.settings.table_path(table.name), run.state.vector[table.name])
    condition = hidden_rows(contract, hidden)
    found = ask(f"SELECT {day} AS day, count(*) AS row_count FROM {rows} WHERE {condition or 'false'} GROUP BY ALL")
    return {row["day"]: row["row_count"] for row in found.to_pylist()}


def _delete_from(run: Run, table: Table, hidden: Hidden, counts: Mapping[date, int]) -> None:
    run.check_lease()
    contract, path = run.contract(table), run.lake.settings.table_path(table.name)
    delta_files.restore(path, run.state.vector[table.name])
    metadata = {"run_id": run.run_id, "dates": len(counts), "deleted_rows": sum(counts.values())}
    run.state.vector[table.name] = delta_files.delete(path, str(hidden_rows(contract, hidden)), metadata)


def _measured(run: Run, table: Table, counts: Mapping[date, int]) -> dict[date, Done]:
    """What the dates that lost rows hold now."""
    if not counts:
        return {}
    contract, version = run.contract(table), run.state.vector[table.name]
    found = measure(run.lake.settings.table_path(table.name), version, contract, sorted(counts))
    kept = {day: found.get(day) or nothing(contract) for day in counts}
    return {day: Done(version, "", m.digest, m.row_count, m.sums_text) for day, m in kept.items()}


def _record(run: Run, table: Table, fresh: set[tuple[str, date]], measured: Mapping[date, Done]) -> None:
    """Ledger rows of every date with keys that know the restriction; a date that was stale before stays so."""
    rows: dict[date, Done] = {}
    for day in run.state.dates(table.name):
        was = run.state.get(table.name, day)
        assert was is not None
        now = measured.get(day, was)
        done = replace(was, digest=now.digest, row_count=now.row_count, sums=now.sums)
        run.state.record(table.name, {day: done}, run.state.vector[table.name])
        key = run.keys.of(table, day) if (table.name, day) in fresh else was.step_key
        rows[day] = replace(done, version=run.state.vector[table.name], step_key=key)
    if rows:
        run.record_rows(table.name, rows, PASSED)
