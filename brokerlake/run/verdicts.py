"""Rows in, rows out: what a silver table fed by bronze kept, what it did not, and where that is filed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from brokerlake.catalog import Contract, Table
from brokerlake.errors import ContractError, RejectLimitError
from brokerlake.run.delivered_amounts import PLACE, unread_amounts
from brokerlake.tables import ops
from brokerlake.tables.delta_queries import ask, identifier, scan_staged
from brokerlake.tables.digests import Measured

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from brokerlake.run.context import Run

VERDICT = "_verdict"
RULE = "_rule"
ROWS = "rows"
KEPT, REJECTED, DUPLICATE, UNCHANGED, DERIVED = "kept", "rejected", "duplicate", "unchanged", "derived"
WRITTEN = (KEPT, DERIVED)
EXCERPT = "_excerpt"


@dataclass(frozen=True)
class Verdicts:
    """Counts and control sums by date and verdict; the measure `rows` counts rows."""

    numbers: Mapping[tuple[date, str, str], Decimal]

    def get(self, day: date, verdict: str, measure: str = ROWS) -> Decimal:
        """Rows, or the control sum of a column, of that date and verdict."""
        return self.numbers.get((day, verdict, measure), Decimal(0))


def bronze_source(run: Run, table: Table) -> Table | None:
    """The bronze table whose rows the table judges."""
    for entry in table.inputs:
        if entry.table and entry.dates == "run" and entry.table.startswith("bronze."):
            return run.lake.catalogue[entry.table]
    return None


def _source_of(run: Run, table: Table) -> Table:
    source = bronze_source(run, table)
    if source is None:
        raise ContractError(f"{table.name}: build() returns {VERDICT} but reads no bronze table of the run")
    return source


def with_accounts(run: Run, table: Table, built: DataFrame, contract: Contract) -> DataFrame:
    """Every judged row: the contract's columns, its verdict and what ops.rejected shows of it.

    `_excerpt` holds the delivered values of a rejected or duplicate row, not yet masked.
    """
    from pyspark.sql import functions as F

    from brokerlake.tables.spark_tables import shape_to_contract

    names = [c.name for c in run.lake.contract(_source_of(run, table).name).columns if not c.name.startswith("_")]
    shown = [F.col(name).cast("string") for name in names if name in built.columns]
    excerpt = F.when(F.col(VERDICT).isin(REJECTED, DUPLICATE), F.concat_ws("|", *shown))
    shape_to_contract(built, contract)
    columns = dict.fromkeys([c.name for c in contract.columns] + [VERDICT, RULE, *PLACE])
    return built.select(*columns, excerpt.alias(EXCERPT))


def account_for_rows(run: Run, table: Table, staged: Path, measured: Mapping[date, Measured]) -> None:
    """Every staged row counted, those rejected or duplicate filed in ops.rejected.

    Raises:
        RejectLimitError: a night of the feed is over its limit.
    """
    source, totals = _source_of(run, table), run.contract(table).control_totals
    not_kept = _not_kept(staged, totals)
    shared = _shared_totals(run, table, source)
    for (day, name), amount in unread_amounts(run, source, staged, shared, f"{VERDICT} = '{REJECTED}'").items():
        not_kept[(day, REJECTED, name)] = not_kept.get((day, REJECTED, name), Decimal(0)) + amount
    verdicts = Verdicts(_with_kept(not_kept, measured, totals))
    file_rejected(run, table.name, sorted(measured), _rows_not_kept(run, table, source, staged))
    _file_totals(run, table, source, measured, verdicts)
    _check_limit(run, source, measured, verdicts)


Numbers = dict[tuple[date, str, str], Decimal]


def _not_kept(staged: Path, totals: Sequence[str]) -> Numbers:
    """Rows and control sums by night and verdict other than kept."""
    sums = "".join(f", sum({identifier(name)}::DECIMAL(38, 4)) AS {identifier(name)}" for name in totals)
    found = ask(
        f"SELECT _delivered_on AS night, {VERDICT} AS verdict, count(*) AS {ROWS}{sums} "
        f"FROM {scan_staged(staged)} WHERE {VERDICT} <> '{KEPT}' GROUP BY ALL"
    )
    return {
        (group["night"], group["verdict"], measure): Decimal(group[measure] or 0)
        for group in found.to_pylist()
        for measure in (ROWS, *totals)
    }


def _with_kept(numbers: Numbers, measured: Mapping[date, Measured], totals: Sequence[str]) -> Numbers:
    """`numbers` and what was kept: what was written less what the job added."""
    for day, values in measured.items():
        written = {ROWS: Decimal(values.row_count), **{name: Decimal(values.sums[name]) for name in totals}}
        for measure, number in written.items():
            numbers[(day, KEPT, measure)] = number - numbers.get((day, DERIVED, measure), Decimal(0))
    return numbers


def _rows_not_kept(run: Run, table: Table, source: Table, staged: Path) -> pa.Table:
    """The rejected and duplicate rows as ops.rejected keeps them, excerpts masked."""
    from brokerlake.privacy.scrub import scrub_excerpts

    found = ask(
        f"SELECT _delivered_on AS night, {VERDICT} AS verdict, {RULE} AS rule, {EXCERPT} AS excerpt, _file AS file, "
        f"_line AS line, _business_date AS business_date, _sequence AS sequence FROM {scan_staged(staged)} "
        f"WHERE {VERDICT} IN ('{REJECTED}', '{DUPLICATE}') ORDER BY night, file, line"
    )
    count, schema = found.num_rows, ops.OPS_SCHEMAS["rejected"]
    places = zip(found["line"].to_pylist(), found["rule"].to_pylist(), strict=True)
    columns = {
        **{name: found[name] for name in found.schema.names},
        "run_id": pa.array([run.run_id] * count, pa.string()),
        "feed": pa.array([source.feed] * count, pa.string()),
        "table_name": pa.array([table.name] * count, pa.string()),
        "sentence": pa.array([f"{source.feed}: line {line} breaks {rule}" for line, rule in places], pa.string()),
        "excerpt": pa.array(scrub_excerpts(found["excerpt"].to_pylist()), pa.string()),
    }
    return pa.table([columns[name] for name in schema.names], names=schema.names).cast(schema)


def file_rejected(run: Run, table: str, nights: Sequence[date], rows: pa.Table | None) -> None:
    """Replace this table's rows of these nights in ops.rejected; none at all is an answer too."""
    new = rows if rows is not None else ops.OPS_SCHEMAS["rejected"].empty_table()
    if new.num_rows or _has_rejected(run, table, nights):
        replace_nights(run, "rejected", table, nights, new)


def _has_rejected(run: Run, table: str, nights: Sequence[date]) -> bool:
    filed = ops.read_ops(run.lake.settings, "rejected", ["table_name", "night"])
    of_table = pc.equal(filed["table_name"], table)
    return bool(pc.any(pc.and_(of_table, pc.is_in(filed["night"], pa.array(nights, pa.date32())))).as_py())


def file_totals(run: Run, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace this table's control totals of the nights in `rows`."""
    if rows:
        nights = sorted({row["night"] for row in rows})
        replace_nights(run, "control_totals", table, nights, ops.as_table("control_totals", rows))


def replace_nights(run: Run, name: str, table: str, nights: Sequence[date], rows: pa.Table) -> None:
    """Replace this table's rows of these nights in `ops.<name>`."""
    run.check_lease()
    listed = ", ".join(f"'{night}'" for night in nights)
    predicate = f"table_name = '{table}' AND night IN ({listed})"
    ops.replace_ops(run.lake.settings, name, rows, predicate, {"run_id": run.run_id, "table": table})


def total_row(
    run: Run, table: Table, step: str, night: date, measure: str, came_in: Decimal, **parts: Decimal
) -> dict[str, Any]:
    """One row of ops.control_totals; `difference` is what no verdict explains."""
    known = (
        dict.fromkeys(
            (KEPT, REJECTED, DUPLICATE, UNCHANGED, DERIVED, "withdrawn", "superseded", "restricted"), Decimal(0)
        )
        | parts
    )
    return {
        "run_id": run.run_id,
        "night": night,
        "step": step,
        "feed": table.feed,
        "table_name": table.name,
        "measure": measure,
        "came_in": came_in,
        **known,
        "difference": came_in - sum(known[name] for name in (KEPT, REJECTED, DUPLICATE, UNCHANGED, "restricted")),
    }


def _shared_totals(run: Run, table: Table, source: Table) -> list[str]:
    """Control sums that the table has in common with the feed."""
    return [name for name in run.contract(table).control_totals if name in run.contract(source).control_totals]


def _file_totals(run: Run, table: Table, source: Table, measured: Mapping[date, Measured], verdicts: Verdicts) -> None:
    rows = []
    shared = _shared_totals(run, table, source)
    for day in sorted(measured):
        came_in = run.state.get(source.name, day)
        sums = json.loads(came_in.sums) if came_in else {}
        known = {ROWS: Decimal(came_in.row_count if came_in else 0)} | {n: Decimal(sums.get(n, 0)) for n in shared}
        for measure, number in known.items():
            parts = {v: verdicts.get(day, v, measure) for v in (KEPT, REJECTED, DUPLICATE, UNCHANGED, DERIVED)}
            row = total_row(run, table, "silver", day, measure, number, **parts)
            rows.append(row | {"feed": source.feed})
    file_totals(run, table.name, rows)


def _check_limit(run: Run, source: Table, measured: Mapping[date, Measured], verdicts: Verdicts) -> None:
    limit = float(run.lake.feeds[str(source.feed)].get("reject_limit", 0.01))
    for day in sorted(measured):
        rejected = verdicts.get(day, REJECTED)
        done = run.state.get(source.name, day)
        came_in = done.row_count if done else 0
        if came_in and float(rejected) / came_in > limit:
            raise RejectLimitError(
                f"{source.feed}: night {day}: {rejected} of {came_in} rows are malformed, over the limit of {limit:.1%}"
            )
