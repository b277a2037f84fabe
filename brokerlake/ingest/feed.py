"""One feed, some nights: every delivery read once and committed to bronze once.

Files stream through a few threads into the Delta writer. Counts, control sums and key hashes are held against the
manifests when the last row has been read and before the commit, so that a delivery that lies leaves no version behind.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from brokerlake.errors import RejectLimitError
from brokerlake.ingest.assemble import REJECTED_SCHEMA, Assembled, Assembler, Entry
from brokerlake.ingest.parallel import read_at_once
from brokerlake.ingest.sources import FeedSource, feed_source
from brokerlake.ingest.tally import FeedCounts, Tally
from brokerlake.ingest.withdrawals import find_withdrawals, rows_before_corrections
from brokerlake.landing import Delivery, split_superseded, verify
from brokerlake.privacy import keep_identities, open_tokeniser
from brokerlake.settings import Settings
from brokerlake.tables import day_files, delta_files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

THREADS = 2
GROUP_BYTES = 4 << 20
GROUP_FILES = 64
SMALL_BYTES = 2 << 20
MOST_REJECTED = 100_000
"""Rejected rows of one commit, which are held in memory until it is made."""


@dataclass(frozen=True)
class Ingested:
    """What one commit to a bronze table did.

    Attributes:
        version: of the table after it.
        counts: per night of the run.
        rejected: rows not kept, in REJECTED_SCHEMA, by file and line; excerpts are masked.
        notices: what stopped nothing and a person should know, e.g. an added column.
    """

    table: str
    version: int
    counts: Mapping[date, FeedCounts]
    rejected: pa.Table
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class InSpark:
    """Where Spark tasks read: the session, and the folder of this process's staged builds."""

    session: SparkSession
    staging: Path


@dataclass
class _Run:
    """The state of one ingest while it streams."""

    source: FeedSource
    assembler: Assembler
    counting: dict[date, list[Delivery]]
    superseded: dict[date, list[Delivery]]
    before: dict[date, pa.Table]
    rejected: list[dict[str, Any]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    withdrawn: dict[date, pa.Table] = field(default_factory=dict)
    counts: dict[date, FeedCounts] = field(default_factory=dict)


def ingest_feed(
    settings: Settings,
    feed: str,
    taken: Mapping[date, Sequence[Delivery]],
    dates: Sequence[date],
    *,
    base_version: int | None,
    user_metadata: Mapping[str, object],
    before_commit: Callable[[], None] = lambda: None,
    in_spark: InSpark | None = None,
) -> Ingested:
    """Replace the partitions `dates` of the feed's bronze table by the deliveries `taken`, in one commit.

    The head is first brought back to `base_version` (to the empty table when that is None). Deliveries that a higher
    sequence of the same night replaces are counted, not read. `before_commit` may still refuse when all is read. With
    `in_spark` the files are read in Spark tasks, else in threads of this process; the rows are the same.

    Raises LandingError for a delivery that is not what its manifest says, RejectLimitError for a night with too many
    malformed rows; nothing is committed then.
    """
    source = feed_source(settings, feed)
    path = settings.table_path(source.table)
    delta_files.create(path, source.contract)
    restored = delta_files.restore(path, base_version or 0)
    run = _prepare(settings, source, taken, dates, base_version)
    has_files = any(delivery.files for deliveries in run.counting.values() for delivery in deliveries)
    if in_spark is None or not has_files:
        version = day_files.replace_days(path, _stream(run, before_commit), source.contract, dates, user_metadata)
        delta_files.check_follows(source.table, version, restored)
        identities = run.assembler.tokeniser.found()
    else:
        version, identities = _commit_from_tasks(
            run, in_spark, settings, dates, base_version, user_metadata, before_commit
        )
    keep_identities(settings, identities, user_metadata)
    rejected = sorted(run.rejected, key=lambda row: (row["night"], row["file"], row["line"]))
    return Ingested(
        source.table, version, run.counts, pa.Table.from_pylist(rejected, REJECTED_SCHEMA), tuple(sorted(run.notices))
    )


def _commit_from_tasks(
    run: _Run,
    in_spark: InSpark,
    settings: Settings,
    dates: Sequence[date],
    base_version: int | None,
    user_metadata: Mapping[str, object],
    before_commit: Callable[[], None],
) -> tuple[int, pa.Table]:
    """Read in Spark tasks into staged files, commit those; the version, and the identities the tasks met."""
    from brokerlake.ingest import in_tasks
    from brokerlake.tables import staging

    source, tokeniser = run.source, run.assembler.tokeniser
    groups = [tuple(group) for group in _group(_entries(run))]
    work = in_tasks.Work(settings, source, groups, in_tasks.key_check(tokeniser.key))
    inbox = in_tasks.open_inbox(settings, source.feed)
    rows, by = in_tasks.in_tasks(in_spark.session, work), source.contract.date_column if len(dates) > 1 else None
    try:
        with staging.staged(rows, in_spark.staging / source.table, sorted_by=by) as at:
            reports = in_tasks.read_reports(at)
            for report in reports:
                report.raise_failure()
                _keep(run, report.rejected, report.notices)
                for delivery, file, measure in report.measures:
                    run.assembler.tally.add(delivery, file, measure)
            _check(run)
            for night, rows in _withdrawals(run).items():
                run.withdrawn[night] = rows
                parts = rows.append_column(in_tasks.PART, pa.array([in_tasks.ROW] * rows.num_rows, pa.string()))
                pq.write_table(parts, at / f"withdrawn-{night}.parquet")
            _count(run)
            before_commit()
            version = staging.write_days(
                at,
                {in_tasks.PART: (in_tasks.ROW,)},
                settings.table_path(source.table),
                source.contract,
                dates,
                base_version=base_version,
                metadata=user_metadata,
            )
        return version, in_tasks.gather_identities(inbox, reports, tokeniser.found())
    finally:
        shutil.rmtree(inbox, ignore_errors=True)


def _prepare(
    settings: Settings,
    source: FeedSource,
    taken: Mapping[date, Sequence[Delivery]],
    dates: Sequence[date],
    base_version: int | None,
) -> _Run:
    tokeniser = open_tokeniser(settings, source.identity_kinds)
    assembler = Assembler(source, tokeniser, Tally(source.contract.control_totals))
    counting: dict[date, list[Delivery]] = {}
    superseded: dict[date, list[Delivery]] = {}
    for night in sorted(dates):
        counting[night], superseded[night] = split_superseded(taken.get(night, ()))
    before = rows_before_corrections(
        counting, schema=assembler.schema, bronze=settings.table_path(source.table), version=base_version
    )
    return _Run(source, assembler, counting, superseded, before)


def _stream(run: _Run, before_commit: Callable[[], None]) -> Iterator[pa.RecordBatch]:
    """Every batch of the commit, read in threads of this process; raises what is wrong before it is committed."""
    for assembled in _read_files(run):
        _keep(run, assembled.rejected, assembled.notices)
        yield assembled.rows
    _check(run)
    for night, rows in _withdrawals(run).items():
        run.withdrawn[night] = rows
        yield from rows.to_batches()
    _count(run)
    before_commit()


def _keep(run: _Run, rejected: Sequence[dict[str, Any]], notices: Sequence[str]) -> None:
    run.rejected += rejected
    if len(run.rejected) > MOST_REJECTED:
        raise RejectLimitError(f"feed {run.source.feed}: too_many_malformed: more than {MOST_REJECTED} rows")
    run.notices += notices


def _read_files(run: _Run) -> Iterator[Assembled]:
    groups = list(_group(_entries(run)))
    small = sum(entry.file.bytes for group in groups for entry in group) < SMALL_BYTES
    tasks = [partial(run.assembler.read, group) for group in groups]
    return read_at_once(tasks, workers=1 if small else THREADS)


def _entries(run: _Run) -> Iterator[Entry]:
    for night, deliveries in run.counting.items():
        for delivery in deliveries:
            if not delivery.files:
                verify(delivery)
            for at, file in enumerate(delivery.files):
                yield Entry(night, delivery, file, at == 0)


def _group(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    """Files that one thread reads in one go: many small ones, or a large one."""
    group: list[Entry] = []
    size = 0
    for entry in entries:
        if group and (size + entry.file.bytes > GROUP_BYTES or len(group) >= GROUP_FILES):
            yield group
            group, size = [], 0
        group.append(entry)
        size += entry.file.bytes
    if group:
        yield group


def _check(run: _Run) -> None:
    for night, deliveries in run.counting.items():
        for delivery in deliveries:
            run.assembler.tally.check(delivery)
        counts = run.assembler.tally.counts(deliveries, (), None)
        if counts.rejected > run.source.reject_limit * counts.landed:
            raise _over_the_limit(run, night, counts)


def _over_the_limit(run: _Run, night: date, counts: FeedCounts) -> RejectLimitError:
    first = min((row for row in run.rejected if row["night"] == night), key=lambda row: (row["file"], row["line"]))
    return RejectLimitError(
        f"feed {run.source.feed}: night {night}: {counts.rejected} of {counts.landed} rows malformed, limit "
        f"{run.source.reject_limit:.2%}; first: {first['file']} line {first['line']}: {first['rule']}: "
        f"{first['sentence']}"
    )


def _withdrawals(run: _Run) -> dict[date, pa.Table]:
    again = Assembler(run.source, run.assembler.tokeniser, Tally(run.source.contract.control_totals))

    def read_delivery(night: date, delivery: Delivery) -> pa.Table:
        entries = [Entry(night, delivery, file, False) for file in delivery.files]
        return pa.Table.from_batches([part.rows for part in again.read(entries)], again.schema)

    return find_withdrawals(
        run.counting, run.before, key=run.source.contract.key, schema=again.schema, read_delivery=read_delivery
    )


def _count(run: _Run) -> None:
    for night, deliveries in run.counting.items():
        withdrawn = run.withdrawn.get(night)
        run.counts[night] = run.assembler.tally.counts(deliveries, run.superseded[night], withdrawn)
