"""One silver or gold table: inputs cut, built, written, measured, judged, recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING

from brokerlake.catalog import Contract, Table
from brokerlake.errors import BrokerlakeError, ContractError, QualityError, plain_cause
from brokerlake.privacy.restrictions import leave_out, leaves_out_persons
from brokerlake.quality.contract_rules import judge_contract
from brokerlake.quality.results import Result, file_results, stopping
from brokerlake.quality.suites import LONGEST_SECONDS, Suite, check_suite, load_suite, run_suite, suite_path
from brokerlake.run.asked import answers_folder
from brokerlake.run.context import Run
from brokerlake.run.cuts import Cutter
from brokerlake.run.late_facts import file_late_rows
from brokerlake.run.meter import Spent
from brokerlake.run.modules import load_module, make_params
from brokerlake.run.plan_size import rows_to_read
from brokerlake.run.verdicts import VERDICT, WRITTEN, account_for_rows, with_accounts
from brokerlake.tables import delta_queries, spark_tables, staging
from brokerlake.tables.digests import Measured, measure, nothing

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

MOST_ROWS_IN_PANDAS = 1_250_000
"""Rows up to which a suite runs in this process, mostly for one to five seconds against up to thirty of Spark's; each
column of decimals, which are objects here, counts as much as the rows without.
"""


@dataclass(frozen=True)
class Written:
    """A version that was written and what it holds by date."""

    version: int
    measured: Mapping[date, Measured]


def run_table_step(run: Run, table: Table) -> bool:
    """Make the table's stale dates; False when nothing was stale. Raises the one-line cause when it must stop."""
    days = run.stale_days(table)
    if not days:
        return False
    spent = Spent()
    try:
        with run.meter.step() as spent:
            written = [_make_days(run, table, batch, spent) for batch in passes_of(run, table, days)]
    except BrokerlakeError:
        run.record_failed(table.name, days, spent)
        raise
    except Exception as crash:
        run.record_failed(table.name, days, spent)
        raise BrokerlakeError(f"{table.name}: {days[0]} to {days[-1]}: {plain_cause(crash)}") from crash
    measured = {day: values for part in written for day, values in part.measured.items()}
    run.record_passed(table, written[-1].version, measured, spent)
    return True


def passes_of(run: Run, table: Table, days: Sequence[date]) -> list[list[date]]:
    """The dates of each pass: all together, but restated ones apart from others, or one by one."""
    if table.run != "per_range":
        return [[day] for day in days]
    return [list(batch) for _, batch in groupby(days, key=lambda day: run.restatement_of(table, day))]


def _make_days(run: Run, table: Table, days: Sequence[date], spent: Spent) -> Written:
    written = _write(run, table, days, spent)
    with run.meter.gate(spent):
        _judge(run, table, days, written)
    run.state.vector[table.name] = written.version
    return written


def _build(run: Run, table: Table, days: Sequence[date]) -> DataFrame:
    module = load_module(table)
    params = make_params(module, table.name, run.lake.settings.parameters(table.name))
    cutter = Cutter(
        run.lake, run.spark, run.state, table, days, run.knowledge(table), scratch=answers_folder(run.staging)
    )
    cutter.spark = run.spark_for(rows_to_read(cutter))
    return module.build(**{entry.name: cutter.cut(entry) for entry in table.inputs}, params=params)


def _write(run: Run, table: Table, days: Sequence[date], spent: Spent) -> Written:
    contract, settings = run.contract(table), run.lake.settings
    built = _build(run, table, days)
    if run.restricted and leaves_out_persons(table, contract):
        built = leave_out(built, contract, run.hidden())
    judged = VERDICT in built.columns
    frame = with_accounts(run, table, built, contract) if judged else spark_tables.shape_to_contract(built, contract)
    by = contract.date_column if len(days) > 1 else None
    with staging.staged(frame, run.staging / table.name, sorted_by=by) as folder:
        run.check_lease()
        version = staging.write_days(
            folder,
            {VERDICT: WRITTEN} if judged else {},
            settings.table_path(table.name),
            contract,
            None if table.write == "replace_all" else days,
            base_version=run.state.vector.get(table.name),
            metadata=run.metadata(table, days),
        )
        with run.meter.gate(spent):
            measured = _measure(run, table, contract, version, days)
        if judged:
            account_for_rows(run, table, folder, measured)
            file_late_rows(run, table, version, days)
    return Written(version, measured)


def _measure(run: Run, table: Table, contract: Contract, version: int, days: Sequence[date]) -> dict[date, Measured]:
    found = measure(run.lake.settings.table_path(table.name), version, contract, days)
    strange = set(found) - set(days)
    if strange:
        raise ContractError(f"{table.name}: rows dated {sorted(strange)[0]}, which is no date of this run")
    return {day: found.get(day) or nothing(contract) for day in days}


def _rows_to_judge(
    run: Run, table: Table, version: int, days: Sequence[date], suite: Suite, rows: int
) -> DataFrame | pd.DataFrame:
    """The written rows with the columns of the suite: in this process when few, else in Spark."""
    contract = run.contract(table)
    path, column = run.lake.settings.table_path(table.name), contract.date_column
    decimals = [name for name in suite.columns if contract.by_name[name].type.startswith("decimal")]
    if rows * (1 + len(decimals)) <= MOST_ROWS_IN_PANDAS:
        names = ", ".join(map(delta_queries.identifier, suite.columns))
        source = delta_queries.scan_days(path, version, column, days)
        return delta_queries.to_judge(delta_queries.ask(f"SELECT {names} FROM {source}"))
    frame = spark_tables.read_version(run.spark, path, version).select(*suite.columns)
    return spark_tables.in_days(frame, column, days) if column else frame


def _judge(run: Run, table: Table, days: Sequence[date], written: Written) -> None:
    results = judge_contract(run.contract(table), written.measured)
    try:
        results += _judge_suite(run, table, days, written)
    except QualityError:
        # A null that the contract forbids can crash a rule: what the contract found is filed, and is the cause.
        _file(run, table, days, written, results)
        raise
    _file(run, table, days, written, results)


def _judge_suite(run: Run, table: Table, days: Sequence[date], written: Written) -> list[Result]:
    contract, settings = run.contract(table), run.lake.settings
    rows = sum(m.row_count for m in written.measured.values())
    suite = load_suite(suite_path(settings.project, table.name))
    check_suite(suite, contract.by_name)
    frame = _rows_to_judge(run, table, written.version, days, suite, rows)
    seconds = float(settings.conf.get("quality", {}).get("suite_seconds", LONGEST_SECONDS))
    return run_suite(frame, suite, rows, seconds=seconds)


def _file(run: Run, table: Table, days: Sequence[date], written: Written, results: Sequence[Result]) -> None:
    """Record the results; raise QualityError when a critical rule failed."""
    run.check_lease()
    file_results(
        run.lake.settings, run_id=run.run_id, table=table.name, days=days, version=written.version, results=results
    )
    stop_on(table.name, stopping(results))


def stop_on(table: str, failed: Sequence[Result]) -> None:
    """Raise QualityError with table, rule and count when a critical rule failed."""
    if failed:
        first = failed[0]
        count = f"{first.failed_rows} of {first.checked_rows} rows" if first.failed_rows is not None else "the table"
        more = f" (and {len(failed) - 1} more critical rules)" if len(failed) > 1 else ""
        raise QualityError(f"{table}: critical rule {first.rule_id} failed: {count}: {first.sentence}{more}")
