"""A build as plain Parquet files before it becomes a version.

Spark computes a build once and writes a few files, whatever its dates; a Delta write of its own would cost it two
seconds a table and more a date. What follows reads those files: the writer of the version, and the accounts of the
rows that are not kept.
"""

from __future__ import annotations

import ctypes
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
from pyspark.sql import DataFrame

from brokerlake.catalog import Contract
from brokerlake.errors import ContractError
from brokerlake.tables import day_files, delta_files, delta_queries

BATCH_ROWS = 65_536
_one_writing = threading.Lock()


@contextmanager
def staged(frame: DataFrame, folder: Path) -> Iterator[Path]:
    """The rows of `frame` as Parquet files in a folder beside `folder` that is gone afterwards.

    Its name is new each time: a Spark Connect server may still be writing for a process that was killed, and what it
    writes must not get among these files. What such a process has left is removed.
    """
    for old in folder.parent.glob(f"{folder.name}-*"):
        shutil.rmtree(old, ignore_errors=True)
    own = folder.with_name(f"{folder.name}-{uuid4().hex[:12]}")
    try:
        frame.write.parquet(str(own))
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


def drop_leftovers(folder: Path, mine: str) -> None:
    """Remove what runs that were killed have left in the folder of staged builds; the subfolder `mine` stays."""
    for other in folder.glob("*"):
        if other.name != mine:
            shutil.rmtree(other, ignore_errors=True)


def write_days(
    folder: Path,
    where: Mapping[str, Sequence[str]],
    path: Path,
    contract: Contract,
    days: Sequence[date] | None,
    *,
    base_version: int | None,
    metadata: Mapping[str, object],
) -> int:
    """Replace the partitions of `days` (the whole table when None) in one commit on `base_version`; its version.

    Of the staged rows those are written that have, for each column in `where`, one of its values.
    """
    prepared = delta_files.prepare(path, contract, base_version)
    query = _rows(folder, contract, where, sorted_by=contract.date_column if days and len(days) > 1 else None)
    with _one_writing, delta_queries.streamed(query, BATCH_ROWS, folder / "spilled") as rows:
        if days:
            day_files.replace_days(path, rows, contract, days, metadata)
        else:
            delta_files.replace(path, rows, None, metadata)
    give_memory_back()
    version = delta_files.head(path)
    if version is None:
        raise ContractError(f"{contract.table}: the table vanished after its write")
    delta_files.check_follows(contract.table, version, prepared)
    return version


def _rows(folder: Path, contract: Contract, where: Mapping[str, Sequence[str]], sorted_by: str | None) -> str:
    """The query of the staged rows that become the version."""
    names = ", ".join(delta_queries.identifier(column.name) for column in contract.columns)
    chosen = [
        f"{delta_queries.identifier(name)} IN ({', '.join(map(delta_queries.quoted, values))})"
        for name, values in where.items()
    ]
    wanted = f" WHERE {' AND '.join(chosen)}" if chosen else ""
    order = f" ORDER BY {delta_queries.identifier(sorted_by)}" if sorted_by else ""
    return f"SELECT {names} FROM {delta_queries.scan_staged(folder)}{wanted}{order}"


def give_memory_back() -> None:
    """Free pages that allocators keep: the writer's buffers are many and short-lived."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim:
            trim(0)
