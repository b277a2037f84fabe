"""One silver or gold table: inputs cut, built, written, measured, judged, recorded."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import ModuleType
from typing import TYPE_CHECKING, Any

from brokerlake.catalog import Contract, Table
from brokerlake.errors import BrokerlakeError, ConfigurationError, ContractError, QualityError
from brokerlake.quality.contract_rules import judge_contract
from brokerlake.quality.results import Result, file_results, stopping
from brokerlake.quality.suites import LONGEST_SECONDS, Suite, load_suite, run_suite, suite_path
from brokerlake.run.context import Run
from brokerlake.run.cuts import Cutter
from brokerlake.run.meter import Spent
from brokerlake.run.verdicts import VERDICT, WRITTEN, account_for_rows, with_accounts
from brokerlake.tables import delta_queries, spark_tables, staging
from brokerlake.tables.digests import Measured, measure, nothing

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

MOST_ROWS_IN_PANDAS = 50_000
"""Rows up to which a suite runs in this process: a few tenths of a second, against seconds of Spark's planning."""


@dataclass(frozen=True)
class Written:
    """A version that was written and what it holds by date."""

    version: int
    measured: Mapping[date, Measured]


def load_module(table: Table) -> ModuleType:
    """jobs/<layer>/<table>.py."""
    layer, _, name = table.name.partition(".")
    return importlib.import_module(f"jobs.{layer}.{name}")


def make_params(module: ModuleType, table: str, values: Mapping[str, Any]) -> Any:
    """The module's Params from conf; raises ConfigurationError when a name is missing or too many."""
    try:
        return module.Params(**values)
    except TypeError as wrong:
        raise ConfigurationError(
            f"conf: parameters of {table}: {str(wrong).replace('Params.__init__() ', '')}"
        ) from wrong


def run_table_step(run: Run, table: Table) -> bool:
    """Make the table's stale dates; False when nothing was stale. Raises the one-line cause when it must stop."""
    days = run.stale_days(table)
    if not days:
        return False
    spent = Spent()
    try:
        with run.meter.step() as spent:
            batches = [days] if table.run == "per_range" else [[day] for day in days]
            written = [_make_days(run, table, batch) for batch in batches]
    except BrokerlakeError:
        run.record_failed(table.name, days, spent)
        raise
    except Exception as crash:
        run.record_failed(table.name, days, spent)
        raise BrokerlakeError(f"{table.name}: {days[0]} to {days[-1]}: {plain_cause(crash)}") from crash
    measured = {day: values for part in written for day, values in part.measured.items()}
    run.record_passed(table, written[-1].version, measured, spent)
    return True


def _make_days(run: Run, table: Table, days: Sequence[date]) -> Written:
    written = _write(run, table, days)
    _judge(run, table, days, written)
    run.state.vector[table.name] = written.version
    return written


def _build(run: Run, table: Table, days: Sequence[date]) -> DataFrame:
    module = load_module(table)
    params = make_params(module, table.name, run.lake.settings.parameters(table.name))
    cutter = Cutter(run.lake, run.spark, run.state, table, days)
    return module.build(**{entry.name: cutter.cut(entry) for entry in table.inputs}, params=params)


def _write(run: Run, table: Table, days: Sequence[date]) -> Written:
    contract, settings = run.contract(table), run.lake.settings
    built = _build(run, table, days)
    judged = VERDICT in built.columns
    frame = with_accounts(run, table, built, contract) if judged else spark_tables.shape_to_contract(built, contract)
    with staging.staged(frame, settings.private / "spark" / "staged" / table.name) as folder:
        version = staging.write_days(
            run.spark,
            folder,
            {VERDICT: WRITTEN} if judged else {},
            settings.table_path(table.name),
            contract,
            None if table.write == "replace_all" else days,
            base_version=run.state.vector.get(table.name),
            metadata=run.metadata(table, days),
        )
        measured = _measure(run, table, contract, version, days)
        if judged:
            account_for_rows(run, table, folder, measured)
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
    path, column = run.lake.settings.table_path(table.name), run.contract(table).date_column
    if rows <= MOST_ROWS_IN_PANDAS:
        names = ", ".join(map(delta_queries.identifier, suite.columns))
        source = delta_queries.scan_days(path, version, column, days)
        return delta_queries.to_judge(delta_queries.ask(f"SELECT {names} FROM {source}"))
    frame = spark_tables.read_version(run.spark, path, version).select(*suite.columns)
    return spark_tables.in_days(frame, column, days) if column else frame


def _judge(run: Run, table: Table, days: Sequence[date], written: Written) -> None:
    contract, settings = run.contract(table), run.lake.settings
    rows = sum(m.row_count for m in written.measured.values())
    results = judge_contract(contract, written.measured)
    suite = load_suite(suite_path(settings.project, table.name))
    frame = _rows_to_judge(run, table, written.version, days, suite, rows)
    seconds = float(settings.conf.get("quality", {}).get("suite_seconds", LONGEST_SECONDS))
    results += run_suite(frame, suite, rows, seconds=seconds)
    file_results(settings, run_id=run.run_id, table=table.name, days=days, version=written.version, results=results)
    stop_on(table.name, stopping(results))


def stop_on(table: str, failed: Sequence[Result]) -> None:
    """Raise QualityError with table, rule and count when a critical rule failed."""
    if failed:
        first = failed[0]
        count = f"{first.failed_rows} of {first.checked_rows} rows" if first.failed_rows is not None else "the table"
        more = f" (and {len(failed) - 1} more critical rules)" if len(failed) > 1 else ""
        raise QualityError(f"{table}: critical rule {first.rule_id} failed: {count}: {first.sentence}{more}")


def plain_cause(crash: BaseException) -> str:
    """The first line of an error of Spark or Delta, without row content."""
    condition = getattr(crash, "getCondition", None) or getattr(crash, "getErrorClass", None)
    name = condition() if callable(condition) else None
    return f"{type(crash).__name__}{f' [{name}]' if name else ''}; details in the log"
