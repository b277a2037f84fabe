"""Rows in, rows out: what a silver table fed by bronze kept, what it did not, and where that is filed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from brokerlake.catalog import Table
from brokerlake.errors import ContractError, RejectLimitError
from brokerlake.tables import ops
from brokerlake.tables.digests import Measured

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from brokerlake.run.context import Run

VERDICT = "_verdict"
RULE = "_rule"
ROWS = "rows"
KEPT, REJECTED, DUPLICATE, UNCHANGED, DERIVED = "kept", "rejected", "duplicate", "unchanged", "derived"
WRITTEN = (KEPT, DERIVED)
NOT_KEPT = (REJECTED, DUPLICATE, UNCHANGED, DERIVED)
BUCKETS = 64


@dataclass(frozen=True)
class Verdicts:
    """Counts and control sums by date and verdict; the measure `rows` counts rows."""

    numbers: Mapping[tuple[date, str, str], Decimal]

    def get(self, day: date, verdict: str, measure: str = ROWS) -> Decimal:
        """Rows, or the control sum of a column, of that date and verdict."""
        return self.numbers.get((day, verdict, measure), Decimal(0))


class Watch:
    """Counts verdicts in the write pass, so that a second look is taken only where rows must be told apart."""

    def __init__(self, built: DataFrame) -> None:
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        self._observation = Observation()
        counts = [F.count_if(F.col(VERDICT) == verdict).alias(verdict) for verdict in NOT_KEPT]
        self.rows = built.observe(self._observation, *counts)

    @property
    def counts(self) -> dict[str, int]:
        """Rows by verdict other than kept, over all dates; asked after the write."""
        return dict(self._observation.get)


def kept_rows(built: DataFrame) -> DataFrame:
    """The rows that are written."""
    from pyspark.sql import functions as F

    return built.where(F.col(VERDICT).isin(*WRITTEN))


def bronze_source(run: Run, table: Table) -> Table | None:
    """The bronze table whose rows the table judges."""
    for entry in table.inputs:
        if entry.table and entry.dates == "run" and entry.table.startswith("bronze."):
            return run.lake.catalogue[entry.table]
    return None


def account_for_rows(
    run: Run, table: Table, built: DataFrame, measured: Mapping[date, Measured], seen: Mapping[str, int]
) -> None:
    """Every row counted, those not kept filed in ops.rejected; raises when a feed is over its reject limit."""
    source = bronze_source(run, table)
    if source is None:
        raise ContractError(f"{table.name}: build() returns {VERDICT} but reads no bronze table of the run")
    totals = run.contract(table).control_totals
    numbers, rows = _seen_in_the_write(measured, seen), None
    if seen[REJECTED] or seen[DUPLICATE] or (any(seen.values()) and (totals or len(measured) > 1)):
        groups = _look_again(run, source, built, totals)
        numbers, rows = _numbers(groups, totals), _rows_not_kept(run, table, source, groups)
    verdicts = Verdicts(_with_kept(numbers, measured, totals))
    file_rejected(run, table.name, sorted(measured), rows)
    _file_totals(run, table, source, measured, verdicts)
    _check_limit(run, source, measured, verdicts)


Numbers = dict[tuple[date, str, str], Decimal]


def _seen_in_the_write(measured: Mapping[date, Measured], seen: Mapping[str, int]) -> Numbers:
    return {(day, verdict, ROWS): Decimal(count) for day in measured for verdict, count in seen.items() if count}


def _look_again(run: Run, source: Table, built: DataFrame, totals: Sequence[str]) -> pa.Table:
    """One row per night, verdict other than kept, and bucket: `rows`, control sums, `filed` (what ops.rejected gets).

    The buckets keep the arrays short when a whole file came twice.
    """
    from pyspark.sql import functions as F

    names = [c.name for c in run.lake.contract(source.name).columns if not c.name.startswith("_")]
    shown = [F.col(name).cast("string") for name in names if name in built.columns]
    filed = F.struct(
        F.col("_file").alias("file"),
        F.col("_line").alias("line"),
        F.col(RULE).alias("rule"),
        F.concat_ws("|", *shown).alias("excerpt"),
        F.col("_business_date").alias("business_date"),
        F.col("_sequence").alias("sequence"),
    )
    return (
        built.where(F.col(VERDICT) != KEPT)
        .groupBy("_delivered_on", VERDICT, F.pmod(F.col("_line"), F.lit(BUCKETS)).alias("bucket"))
        .agg(
            F.count(F.lit(1)).alias(ROWS),
            *[F.sum(F.col(name).cast("decimal(28,4)")).cast("decimal(38,4)").alias(f"sum_{name}") for name in totals],
            F.collect_list(F.when(F.col(VERDICT).isin(REJECTED, DUPLICATE), filed)).alias("filed"),
        )
        .toArrow()
    )


def _numbers(groups: pa.Table, totals: Sequence[str]) -> Numbers:
    numbers: Numbers = {}
    for group in groups.drop_columns(["filed"]).to_pylist():
        for measure, column in [(ROWS, ROWS), *((name, f"sum_{name}") for name in totals)]:
            key = (group["_delivered_on"], group[VERDICT], measure)
            numbers[key] = numbers.get(key, Decimal(0)) + (group[column] or Decimal(0))
    return numbers


def _with_kept(numbers: Numbers, measured: Mapping[date, Measured], totals: Sequence[str]) -> Numbers:
    """`numbers` and what was kept: what was written less what the job added."""
    for day, values in measured.items():
        written = {ROWS: Decimal(values.row_count), **{name: Decimal(values.sums[name]) for name in totals}}
        for measure, number in written.items():
            numbers[(day, KEPT, measure)] = number - numbers.get((day, DERIVED, measure), Decimal(0))
    return numbers


def _rows_not_kept(run: Run, table: Table, source: Table, groups: pa.Table) -> pa.Table:
    """The rejected and duplicate rows as ops.rejected keeps them, excerpts masked."""
    from brokerlake.privacy.scrub import scrub_excerpts

    of_group = pc.list_parent_indices(groups["filed"])
    filed = pa.Table.from_struct_array(pc.list_flatten(groups["filed"]))
    count, schema = filed.num_rows, ops.OPS_SCHEMAS["rejected"]
    sentences = [
        f"{source.feed}: line {line} breaks {rule}"
        for line, rule in zip(filed["line"].to_pylist(), filed["rule"].to_pylist(), strict=True)
    ]
    columns = {
        "run_id": pa.array([run.run_id] * count, pa.string()),
        "night": groups["_delivered_on"].take(of_group),
        "feed": pa.array([source.feed] * count, pa.string()),
        "table_name": pa.array([table.name] * count, pa.string()),
        "verdict": groups[VERDICT].take(of_group),
        "sentence": pa.array(sentences, pa.string()),
        **{name: filed[name] for name in ("file", "line", "rule", "business_date", "sequence")},
        "excerpt": pa.array(scrub_excerpts(filed["excerpt"].to_pylist()), pa.string()),
    }
    return pa.table([columns[name] for name in schema.names], names=schema.names)


def file_rejected(run: Run, table: str, nights: Sequence[date], rows: pa.Table | None) -> None:
    """Replace this table's rows of these nights in ops.rejected; none at all is an answer too."""
    new = rows if rows is not None else ops.OPS_SCHEMAS["rejected"].empty_table()
    if new.num_rows or _has_rejected(run, table, nights):
        _replace_nights(run, "rejected", table, nights, new)


def _has_rejected(run: Run, table: str, nights: Sequence[date]) -> bool:
    filed = ops.read_ops(run.lake.settings, "rejected", ["table_name", "night"])
    of_table = pc.equal(filed["table_name"], table)
    return bool(pc.any(pc.and_(of_table, pc.is_in(filed["night"], pa.array(nights, pa.date32())))).as_py())


def file_totals(run: Run, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace this table's control totals of the nights in `rows`."""
    if rows:
        nights = sorted({row["night"] for row in rows})
        _replace_nights(run, "control_totals", table, nights, ops.as_table("control_totals", rows))


def _replace_nights(run: Run, name: str, table: str, nights: Sequence[date], rows: pa.Table) -> None:
    listed = ", ".join(f"'{night}'" for night in nights)
    predicate = f"table_name = '{table}' AND night IN ({listed})"
    ops.replace_ops(run.lake.settings, name, rows, predicate, {"run_id": run.run_id, "table": table})


def total_row(
    run: Run, table: Table, step: str, night: date, measure: str, came_in: Decimal, **parts: Decimal
) -> dict[str, Any]:
    """One row of ops.control_totals; `difference` is what no verdict explains."""
    known = (
        dict.fromkeys((KEPT, REJECTED, DUPLICATE, UNCHANGED, DERIVED, "withdrawn", "superseded"), Decimal(0)) | parts
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
        "difference": came_in - known[KEPT] - known[REJECTED] - known[DUPLICATE] - known[UNCHANGED],
    }


def _file_totals(run: Run, table: Table, source: Table, measured: Mapping[date, Measured], verdicts: Verdicts) -> None:
    rows = []
    shared = [name for name in run.contract(table).control_totals if name in run.contract(source).control_totals]
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
