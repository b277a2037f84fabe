"""Housekeeping of one Delta table without a JVM: files and log entries that nobody needs are found and removed.

What is needed is said by versions, never by age alone: a pinned version stays readable however old its commit is.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

HOUR_SECONDS = 3600
LEAST_LOG_ENTRIES = 20
"""Entries before the oldest needed version from which a checkpoint there is worth its file."""
_CHECKPOINT = re.compile(r"^(\d{20})\.checkpoint\.parquet$")
_LOG_ENTRY = re.compile(r"^(\d{20})\.")


@dataclass(frozen=True)
class Spare:
    """What a table could do without.

    Attributes:
        files: data files that no kept version refers to.
        log: entries and checkpoints of the Delta log before the version that all kept ones can be read from.
        checkpoint: that version, when its checkpoint has to be written first.
    """

    files: tuple[Path, ...]
    log: tuple[Path, ...]
    checkpoint: int | None

    @property
    def bytes(self) -> int:
        """Their size on disk."""
        return sum(path.stat().st_size for path in (*self.files, *self.log) if path.exists())


def fullest_partition(path: Path) -> int:
    """Files of the partition that has the most; of the whole table when it has no partitions."""
    table = DeltaTable(path)
    adds = pa.table(table.get_add_actions(flatten=True))
    names = [f"partition.{name}" for name in table.metadata().partition_columns]
    rows = zip(*(adds[name].to_pylist() for name in names), strict=True) if names else [()] * adds.num_rows
    return max(Counter(rows).values(), default=0)


def find_spare(path: Path, keep_versions: Collection[int], *, hours: float, now: float | None = None) -> Spare:
    """What no kept version needs and is at least `hours` old; `keep_versions` must hold the head."""
    until = (time.time() if now is None else now) - hours * HOUR_SECONDS
    names = DeltaTable(path).vacuum(
        retention_hours=0,
        dry_run=True,
        enforce_retention_duration=False,
        full=True,
        keep_versions=sorted(keep_versions),
    )
    entries = sorted(file for file in (path / "_delta_log").iterdir() if _LOG_ENTRY.match(file.name))
    first, checkpoint = _first_needed(entries, min(keep_versions))
    log = [file for file in entries if _version(file) < first]
    return Spare(_old(sorted(path / name for name in names), until), _old(log, until), checkpoint)


def _old(files: Collection[Path], until: float) -> tuple[Path, ...]:
    return tuple(file for file in files if file.exists() and file.stat().st_mtime <= until)


def _version(entry: Path) -> int:
    return int(entry.name[:20])


def _first_needed(entries: Collection[Path], oldest: int) -> tuple[int, int | None]:
    """The version from which the log is needed to read `oldest`: its newest checkpoint at or before that one.

    When many entries lie between the two it is `oldest` itself, told a second time as the checkpoint to write. The
    entry of that version stays beside its checkpoint: Spark travels to no version without one.
    """
    checkpoints = [int(found[1]) for file in entries if (found := _CHECKPOINT.match(file.name))]
    first = max((version for version in checkpoints if version <= oldest), default=0)
    between = sum(first <= _version(file) < oldest for file in entries if file.suffix == ".json")
    return (oldest, oldest) if between >= LEAST_LOG_ENTRIES else (first, None)


def remove(path: Path, spare: Spare) -> None:
    """Delete it, oldest log entries first, so that what is left is readable at every moment."""
    if spare.checkpoint is not None:
        DeltaTable(path, version=spare.checkpoint).create_checkpoint()
    for file in (*spare.files, *sorted(spare.log)):
        file.unlink(missing_ok=True)
