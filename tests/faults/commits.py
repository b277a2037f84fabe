"""Every commit of a run counted, and the run stopped at one of them: before it, between data and log, or after it.

Commits happen in deltalake, in this process; a commit is caught where it enters the library, and is real.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import deltalake.table
from deltalake import DeltaTable

from brokerlake.tables import delta_files

BEFORE, DATA_ONLY, AFTER, UNACKNOWLEDGED = "before", "data only", "after", "unacknowledged"
STOPS = (BEFORE, DATA_ONLY, AFTER)


class Stopped(BaseException):
    """The process is gone: no handler of errors sees it, and nothing is committed after it."""


class AcknowledgementLost(OSError):
    """The commit is there, its writer does not know."""


class Commits:
    """Counts commits and ends the run at the one numbered `at`, or the first of `table`, in the way `how` says.

    Attributes:
        seen: commits begun so far.
        ended: the table whose commit was the last, `layer/table`.
    """

    def __init__(self, at: int | None = None, how: str = AFTER, *, table: str | None = None) -> None:
        self.at, self.how, self.table = at, how, table
        self.seen = 0
        self.ended: str | None = None
        self._lock = threading.Lock()

    def around(self, path: Path, commit: Callable[[], Any]) -> Any:
        """The commit, or what becomes of it."""
        with self._lock:
            if self.ended is not None and self.how in STOPS:
                raise Stopped
            self.seen += 1
            table = "/".join(path.parts[-2:])
            if self.seen != self.at and (self.ended is not None or table != self.table):
                return commit()
            self.ended = table
            if self.how == BEFORE:
                raise Stopped
            versions = set(logged(path))
            result = commit()
            if self.how == UNACKNOWLEDGED:
                raise AcknowledgementLost("connection reset by peer")
            if self.how == DATA_ONLY:
                for version in set(logged(path)) - versions:
                    (path / "_delta_log" / f"{version:020d}.json").unlink()
            del result
            raise Stopped


def logged(path: Path) -> list[int]:
    """The versions in a table's log."""
    return sorted(int(file.stem) for file in (path / "_delta_log").glob("[0-9]*.json"))


def _path_of(table: DeltaTable | Path) -> Path:
    return Path(table.table_uri.removeprefix("file://")) if isinstance(table, DeltaTable) else Path(table)


@contextmanager
def counted(commits: Commits) -> Iterator[Commits]:
    """Every commit of this process goes through `commits` inside the block."""
    write, create, restore = delta_files.write_deltalake, DeltaTable.create, DeltaTable.restore
    write_days, compact = DeltaTable.create_write_transaction, deltalake.table.TableOptimizer.compact

    def counted_write(table: DeltaTable | Path, *rest: Any, **named: Any) -> Any:
        return commits.around(_path_of(table), lambda: write(table, *rest, **named))

    def counted_write_days(table: DeltaTable, *rest: Any, **named: Any) -> Any:
        return commits.around(_path_of(table), lambda: write_days(table, *rest, **named))

    def counted_create(path: Path, *rest: Any, **named: Any) -> Any:
        return commits.around(Path(path), lambda: create(path, *rest, **named))

    def counted_restore(table: DeltaTable, *rest: Any, **named: Any) -> Any:
        return commits.around(_path_of(table), lambda: restore(table, *rest, **named))

    def counted_compact(optimizer: Any, *rest: Any, **named: Any) -> Any:
        return commits.around(_path_of(optimizer.table), lambda: compact(optimizer, *rest, **named))

    with (
        patch.object(delta_files, "write_deltalake", counted_write),
        patch.object(DeltaTable, "create_write_transaction", counted_write_days),
        patch.object(DeltaTable, "create", counted_create),
        patch.object(DeltaTable, "restore", counted_restore),
        patch.object(deltalake.table.TableOptimizer, "compact", counted_compact),
    ):
        yield commits
