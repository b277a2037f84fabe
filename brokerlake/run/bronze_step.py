"""One bronze table: the deliveries its nights took, read once, tokenised, committed once, counted."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from brokerlake.catalog import Table
from brokerlake.errors import BrokerlakeError, ConfigurationError, TotalsError, frames_of, plain_cause
from brokerlake.ingest import FeedCounts, Ingested, InSpark, ingest_feed
from brokerlake.plan.state import sha256
from brokerlake.quality.results import CRITICAL, WARNING, Result, file_results, stopping
from brokerlake.run.context import Run
from brokerlake.run.landing_step import taken_deliveries
from brokerlake.run.meter import Spent
from brokerlake.run.tables_step import stop_on
from brokerlake.run.verdicts import file_rejected, file_totals, total_row
from brokerlake.tables import ops
from brokerlake.tables.digests import Measured

log = logging.getLogger(__name__)
PROCESS, SPARK_TASKS = "process", "spark_tasks"


def reads_in_tasks(run: Run) -> bool:
    """True in a profile whose bronze readers run in Spark tasks, not in this process."""
    place = run.lake.settings.conf["bronze"]["read_in"]
    if place not in (PROCESS, SPARK_TASKS):
        raise ConfigurationError(f"conf: bronze: read_in: {place!r}: choose {PROCESS} or {SPARK_TASKS}")
    return bool(place == SPARK_TASKS)


def run_bronze_step(run: Run, table: Table) -> bool:
    """Read the stale nights of a feed into bronze; False when nothing was stale."""
    days = run.stale_days(table)
    if not days:
        return False
    spent = Spent()
    try:
        with run.meter.step() as spent:
            version, measured = _ingest(run, table, days)
    except BrokerlakeError:
        run.record_failed(table.name, days, spent)
        raise
    except Exception as crash:
        run.record_failed(table.name, days, spent)
        log.error("%s", frames_of(crash))
        raise BrokerlakeError(f"{table.feed}: {days[0]} to {days[-1]}: {plain_cause(crash)}") from None
    run.record_passed(table, version, measured, spent)
    return True


def _ingest(run: Run, table: Table, days: list[date]) -> tuple[int, dict[date, Measured]]:
    feed = str(table.feed)
    outcome = ingest_feed(
        run.lake.settings,
        feed,
        taken_deliveries(run, feed, days),
        days,
        base_version=run.state.vector.get(table.name),
        user_metadata=run.metadata(table, days),
        before_commit=run.check_lease,
        in_spark=InSpark(run.spark, run.staging) if reads_in_tasks(run) else None,
    )
    rejected = outcome.rejected.append_column("run_id", pa.array([run.run_id] * outcome.rejected.num_rows, pa.string()))
    file_rejected(run, table.name, days, rejected.select(ops.OPS_SCHEMAS["rejected"].names))
    file_totals(run, table.name, _totals(run, table, outcome.counts))
    _judge(run, table, days, outcome)
    return outcome.version, {day: _measured(run, table, day, outcome.counts[day]) for day in days}


def _measured(run: Run, table: Table, day: date, counts: FeedCounts) -> Measured:
    rows = counts.kept + counts.withdrawn
    content = sha256(run.deliveries.get((str(table.feed), day), ""))
    sums = {name: kept + counts.withdrawn_sums[name] for name, (_, kept) in counts.sums.items()}
    return Measured(rows, f"{rows}:{content}", {}, rows, sums)


def _totals(run: Run, table: Table, counts: Mapping[date, FeedCounts]) -> list[dict[str, Any]]:
    rows = []
    for day, number in sorted(counts.items()):
        parts = {"kept": number.kept, "rejected": number.rejected}
        extra = {"withdrawn": number.withdrawn, "superseded": number.superseded_rows}
        decimals = {name: Decimal(value) for name, value in {**parts, **extra}.items()}
        rows.append(total_row(run, table, "bronze", day, "rows", Decimal(number.landed), **decimals))
        for name, (landed, kept) in number.sums.items():
            money = {"kept": kept, "rejected": landed - kept, "withdrawn": number.withdrawn_sums[name]}
            rows.append(total_row(run, table, "bronze", day, name, landed, **money))
    return rows


def _judge(run: Run, table: Table, days: list[date], outcome: Ingested) -> None:
    """Rows and control sums against the manifests, and what the readers noticed, as results of the gate."""
    taken, counts = run.manifests, outcome.counts
    promised = {
        day: sum(row["rows"] for row in taken.get((str(table.feed), day), []) if not row["is_superseded"])
        for day in days
    }
    landed = sum(counts[day].landed for day in days)
    missing = [day for day in days if promised[day] != counts[day].landed]
    if missing:
        day = missing[0]
        raise TotalsError(
            f"{table.feed}: night {day}: manifests promise {promised[day]} rows, read {counts[day].landed}"
        )
    lost = sum(counts[day].landed - counts[day].kept - counts[day].rejected for day in days)
    results = [
        Result("schema_is_the_contract", "contract", None, CRITICAL, True, 0, landed, "columns as in the contract"),
        Result("rows_are_the_manifests", "totals", None, CRITICAL, True, 0, landed, "rows read are rows promised"),
        Result("rows_are_kept_or_rejected", "totals", None, CRITICAL, lost == 0, abs(lost), landed, "no row is lost"),
        _nothing_added(run, table, outcome.notices),
    ]
    file_results(
        run.lake.settings, run_id=run.run_id, table=table.name, days=days, version=outcome.version, results=results
    )
    stop_on(table.name, stopping(results))


def _nothing_added(run: Run, table: Table, notices: Sequence[str]) -> Result:
    """A warning that names the first file with something the contract does not know; it stops nothing."""
    for notice in notices:
        run.progress(f"{table.feed}: notice: {notice}")
    sentence = notices[0] if notices else "files hold the columns of the contract and no more"
    return Result("no_column_is_added", "contract", None, WARNING, not notices, len(notices), len(notices), sentence)
