"""Days of a party behind the first night: copies of the earlier days, shifted to trading days before them.

A broker of that size over 250 days would take hours to make; what a night reads of the past is one partition of
silver.party_days a trading day, and these have the same rows, bytes and commits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from brokerlake.lake import Lake
from brokerlake.lease import hold
from brokerlake.plan.state import PASSED, sha256
from brokerlake.release.releases import Release, current_release, publish_release
from brokerlake.tables import delta_files, ops

PARTY_DAYS = "silver.party_days"
RUN_ID = "benchmark:history"
LEDGER = "ops.ledger"


def pairs(lake: Lake, earlier: Sequence[date], days: int) -> list[tuple[date, date]]:
    """(day copied, day it becomes), oldest first; the first day, on which the broker opens, is no model."""
    before = [lake.calendar.back(earlier[0], back) for back in range(days, 0, -1)]
    models = list(earlier[1:]) or list(earlier)
    return [(models[at % len(models)], day) for at, day in enumerate(before) if day is not None]


def shifted(rows: pa.Table, source: date, target: date) -> pa.Table:
    """`rows` of a night as if everything had happened as many natural days earlier."""
    distance = pa.scalar((target - source).days, pa.int32())
    for name in ("effective_date", "_delivered_on"):
        at = rows.schema.get_field_index(name)
        moved = pc.add(rows.column(name).cast(pa.int32()), distance).cast(pa.date32())
        rows = rows.set_column(at, name, moved)
    return rows


def write_history(lake: Lake, earlier: Sequence[date], days: int) -> Iterator[str]:
    """Commit one partition a day and publish them; yields a line of progress every fifty days."""
    release = current_release(lake.settings)
    assert release is not None
    if release.run_id == RUN_ID:
        return  # published by an attempt that was stopped right after it
    path = lake.settings.table_path(PARTY_DAYS)
    table = DeltaTable(path, version=release.vector[PARTY_DAYS])
    copied = {day: table.to_pyarrow_table(partitions=[("_delivered_on", "=", str(day))]) for day in earlier}
    rows, version = [], release.vector[PARTY_DAYS]
    with hold(lake.settings, RUN_ID) as lease:
        delta_files.restore(path, version)
        for number, (source, target) in enumerate(pairs(lake, earlier, days), start=1):
            version = delta_files.append(path, shifted(copied[source], source, target), {"run_id": RUN_ID})
            rows.append((target, copied[source].num_rows, version))
            if number % 50 == 0:
                yield f"{number} of {days} days of {PARTY_DAYS}"
        with lease.committing():
            _publish(lake, release, rows, version)


def _publish(lake: Lake, release: Release, rows: Sequence[tuple[date, int, int]], version: int) -> None:
    entries = [
        {
            "run_id": RUN_ID,
            "attempt": 1,
            "table_name": PARTY_DAYS,
            "date": day,
            "base_version": release.vector[PARTY_DAYS],
            "version": of_version,
            "step_key": sha256(RUN_ID, day),
            "row_count": count,
            "digest": sha256(RUN_ID, day, count),
            "sums": "{}",
            "verdict": PASSED,
            "cpu_seconds": 0.0,
            "wall_seconds": 0.0,
            "finished_at": datetime.now(UTC),
        }
        for day, count, of_version in rows
    ]
    ledger = ops.append_ops(lake.settings, "ledger", ops.as_table("ledger", entries), {"run_id": RUN_ID})
    publish_release(
        lake.settings,
        run_id=RUN_ID,
        kind="backfill",
        night=release.night,
        first_date=min((day for day, _, _ in rows), default=release.first_date),
        vector={**release.vector, PARTY_DAYS: version, LEDGER: ledger},
        public=release.public,
        stale_feeds=release.stale_feeds,
        note="copies of earlier days, for the benchmark",
    )
