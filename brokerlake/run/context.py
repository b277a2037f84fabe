"""One run: its id and dates, the release it stands on, what it has done, and how it records a step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brokerlake.catalog import Contract, Table
from brokerlake.errors import BrokerlakeError, LeaseError
from brokerlake.lake import Lake
from brokerlake.lease import Lease
from brokerlake.plan.dates import RunDates, is_as_of
from brokerlake.plan.state import NO_VERSION, PASSED, Done, LedgerState, load_state
from brokerlake.plan.step_keys import StepKeys
from brokerlake.privacy.restrictions import Hidden, find_map, identifiers_of, restricted_customers
from brokerlake.release.releases import Release, current_release
from brokerlake.run.meter import Meter, Spent
from brokerlake.tables import ops
from brokerlake.tables.digests import Measured

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)
MANIFESTS = "ops.manifests"
FAILED = "failed"
LARGE_BYTES = 50_000_000
"""Delivered bytes from which the code of a run stays hot long enough for the JVM's optimising compiler to pay."""
MOST_ROWS_INTERPRETED = 60_000
"""Rows up to which a plan is interpreted: above, generated code gains more than its making costs."""
Progress = Callable[[str], None]


@dataclass
class Run:
    """A run under way.

    Attributes:
        run_id: kind and dates; the same command again is another attempt of the same run.
        base: the release it stands on, None for an empty lake.
        state: what is done, and the version vector so far.
        deliveries: content hash of what a night took, by feed and night; the inputs of bronze.
        manifests: rows of ops.manifests as this run knows them, by feed and night.
        lease: what lets it write; None for a run that only looks, as a plan does.
    """

    lake: Lake
    run_id: str
    kind: str
    dates: RunDates
    base: Release | None
    state: LedgerState
    attempt: int
    progress: Progress
    deliveries: dict[tuple[str, date], str] = field(default_factory=dict)
    manifests: dict[tuple[str, date], list[dict[str, Any]]] = field(default_factory=dict)
    meter: Meter = field(default_factory=Meter)
    lease: Lease | None = None

    @cached_property
    def spark(self) -> SparkSession:
        """The process's session, opened when the first Spark step needs it."""
        from brokerlake.session import open_session

        return open_session(self.lake.settings, is_large=self.is_large)

    def spark_for(self, rows: int) -> SparkSession:
        """The session for a plan that sees so many rows: a few are sooner interpreted than code is made for them."""
        from brokerlake.session import interpreting

        return self.spark if rows > MOST_ROWS_INTERPRETED else interpreting(self.spark, self.lake.settings)

    @property
    def is_large(self) -> bool:
        """True when the run's nights took so much that its code stays hot."""
        nights = set(self.dates.nights)
        taken = (row["bytes"] for (_, night), rows in self.manifests.items() if night in nights for row in rows)
        return sum(taken) >= LARGE_BYTES

    @property
    def staging(self) -> Path:
        """Where builds of this epoch wait for their commit."""
        return self.lake.settings.private / "spark" / "staged" / f"epoch-{self.held_lease().epoch}"

    def held_lease(self) -> Lease:
        """The run's lease; raises LeaseError when it has none, so it cannot write."""
        if self.lease is None:
            raise LeaseError(f"{self.run_id}: holds no lease, so it cannot write")
        return self.lease

    def check_lease(self) -> None:
        """Raise LeaseError unless the run still holds the lake; asked before every commit."""
        self.held_lease().check()

    @cached_property
    def keys(self) -> StepKeys:
        """Step keys with what is known now."""
        return StepKeys(self.lake, self.state, self.deliveries, self.restricted)

    @cached_property
    def restricted(self) -> tuple[str, ...]:
        """Customers whose rows stay out of public gold."""
        return restricted_customers(self.lake.settings)

    def hidden(self) -> Hidden:
        """What names them by the map as this run has it."""
        person_map = find_map(self.lake.catalogue.tables.values(), self.lake.contract)
        return identifiers_of(self.lake.settings, person_map, self.state.vector, self.restricted)

    def days_of(self, table: Table) -> tuple[date, ...]:
        """The table's dates in this run."""
        return self.dates.of(table, self.lake.contract(table.name), self.lake.calendar)

    def knowledge(self, table: Table) -> Callable[[date], date]:
        """The night whose knowledge makes a date of the table: a later one for restated as-of dates."""
        return self.state.known_through if is_as_of(table, self.contract(table)) else lambda day: day

    def restatement_of(self, table: Table, day: date) -> tuple[date | None, date | None]:
        """The nights through which a date, and the as-of date its labels are for, were restated; None where not."""
        knows = self.knowledge(table)
        asked = (day, self.lake.calendar.back(day, table.ahead))
        first, second = [knows(at) if at and knows(at) != at else None for at in asked]
        return first, second

    def base_version(self, table: str) -> int:
        """The table's version in the base release, -1 when it has none."""
        return self.base.vector.get(table, NO_VERSION) if self.base else NO_VERSION

    def stale_days(self, table: Table) -> list[date]:
        """Dates of the table without a passed step of the right key; all later ones too where it reads itself."""
        keys, days = self.keys, self.days_of(table)
        stale = [day for day in days if not self._is_done(table, day, keys)]
        reads_itself = any(entry.table == table.name for entry in table.inputs)
        return [day for day in days if day >= stale[0]] if stale and reads_itself else stale

    def _is_done(self, table: Table, day: date, keys: StepKeys) -> bool:
        done = self.state.get(table.name, day)
        return done is not None and done.step_key == keys.of(table, day)

    def metadata(self, table: Table, days: Sequence[date]) -> dict[str, object]:
        """What a commit carries: run, attempt, dates, and the versions of its inputs."""
        inputs = {source: self.state.vector[source] for source in table.sources if source in self.state.vector}
        return {
            "run_id": self.run_id,
            "attempt": self.attempt,
            "first_date": min(days),
            "last_date": max(days),
            "dates": len(days),
            "step_key": self.keys.of(table, max(days)),
            "known_through": self.knowledge(table)(max(days)),
            "input_versions": inputs,
        }

    def record_passed(self, table: Table, version: int, measured: Mapping[date, Measured], spent: Spent) -> None:
        """One passed ledger row per date; keys are taken in date order, so a later one sees the earlier digests."""
        rows, is_dated = [], is_as_of(table, self.contract(table))
        for day in sorted(measured):
            done = Done(
                version,
                self.keys.of(table, day),
                measured[day].digest,
                measured[day].row_count,
                measured[day].sums_text,
                self.state.known_through(day) if is_dated else None,
            )
            self.state.record(table.name, {day: done}, version)
            rows.append(self._ledger_row(table.name, day, version, PASSED, spent, len(measured), done))
        self._append(rows)

    def record_rows(self, table: str, done: Mapping[date, Done], verdict: str) -> None:
        """Ledger rows of a step that is no table of the catalogue."""
        version = next(iter(done.values())).version
        self.state.record(table, done, version)
        self._append([self._ledger_row(table, day, version, verdict, Spent(), 1, row) for day, row in done.items()])

    def record_failed(self, table: str, days: Sequence[date], spent: Spent) -> None:
        """One failed ledger row per date: what was passed before no longer counts in this run.

        That the ledger cannot be written either (a full disk) is logged only: without a passed row nothing is done.
        """
        self.state.forget(table, days)
        try:
            self._append([self._ledger_row(table, day, None, FAILED, spent, len(days)) for day in days])
        except BrokerlakeError:
            log.exception("%s: its failure is not in the ledger", table)

    def _ledger_row(
        self,
        table: str,
        day: date,
        version: int | None,
        verdict: str,
        spent: Spent,
        shared: int,
        done: Done | None = None,
    ) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "attempt": self.attempt,
            "table_name": table,
            "date": day,
            "base_version": self.base_version(table),
            "version": version,
            "step_key": done.step_key if done else None,
            "row_count": done.row_count if done else None,
            "digest": done.digest if done else None,
            "sums": done.sums if done else None,
            "known_through": done.known_through if done else None,
            "verdict": verdict,
            "cpu_seconds": spent.cpu_seconds / shared,
            "gate_cpu_seconds": spent.gate_cpu_seconds / shared,
            "wall_seconds": spent.wall_seconds / shared,
            "finished_at": datetime.now(UTC),
        }

    def _append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.check_lease()
        ops.append_ops(self.lake.settings, "ledger", ops.as_table("ledger", rows), {"run_id": self.run_id})

    def contract(self, table: Table) -> Contract:
        """The table's contract."""
        return self.lake.contract(table.name)


def open_run(
    lake: Lake, kind: str, run_id: str, dates: RunDates, progress: Progress, lease: Lease | None = None
) -> Run:
    """The run with that id, resumed where an earlier attempt left it; it writes only with a lease."""
    base = current_release(lake.settings)
    state, attempt = load_state(lake.settings, run_id, base)
    return Run(lake, run_id, kind, dates, base, state, attempt, progress, lease=lease)
