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
from heapq import merge
from itertools import chain
from operator import itemgetter
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from brokerlake.catalog import Contract
from brokerlake.errors import ContractError
from brokerlake.tables import day_files, delta_files

BATCH_ROWS = 8_192
READ_ONCE = {"parquet.enable.dictionary": "false"}
"""How staged files are written: a dictionary would cost more than it saves in files that are read once."""
_one_writing = threading.Lock()


@contextmanager
def staged(frame: DataFrame, folder: Path, *, sorted_by: str | None = None) -> Iterator[Path]:
    """The rows of `frame` as Parquet files in a folder beside `folder` that is gone afterwards.

    With `sorted_by`, the date column of a table that is made for many dates, each file has its rows in that order.
    Its name is new each time: a Spark Connect server may still be writing for a process that was killed, and what it
    writes must not get among these files. What such a process has left is removed.
    """
    for old in folder.parent.glob(f"{folder.name}-*"):
        shutil.rmtree(old, ignore_errors=True)
    own = folder.with_name(f"{folder.name}-{uuid4().hex[:12]}")
    try:
        in_order = frame.sortWithinPartitions(sorted_by) if sorted_by else frame
        in_order.write.options(**READ_ONCE).parquet(str(own))
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
    batches = _rows(folder, contract, where)
    with _one_writing:
        if days:
            day_files.replace_days(path, batches, contract, days, metadata)
        else:
            rows = pa.RecordBatchReader.from_batches(delta_files.arrow_schema(contract), batches)
            delta_files.replace(path, rows, None, metadata)
    give_memory_back()
    version = delta_files.head(path)
    if version is None:
        raise ContractError(f"{contract.table}: the table vanished after its write")
    delta_files.check_follows(contract.table, version, prepared)
    return version


def _rows(folder: Path, contract: Contract, where: Mapping[str, Sequence[str]]) -> Iterator[pa.RecordBatch]:
    """The contract's columns of the staged rows, by date where each file is sorted by it."""
    files = [_rows_of(file, contract, where) for file in sorted(folder.glob("*.parquet"))]
    day = contract.date_column
    if day is None:
        return chain.from_iterable(files)
    dated = [((_place(day_), rows) for day_, rows in day_files.by_day(batches, day)) for batches in files]
    return (rows for _, rows in merge(*dated, key=itemgetter(0)))


def _place(day: date | None) -> int:
    return day.toordinal() if day else 0


def _rows_of(file: Path, contract: Contract, where: Mapping[str, Sequence[str]]) -> Iterator[pa.RecordBatch]:
    schema = delta_files.arrow_schema(contract)
    with pq.ParquetFile(file) as staged_file:
        for batch in staged_file.iter_batches(BATCH_ROWS, columns=[*schema.names, *where]):
            for name, values in where.items():
                batch = batch.filter(pc.is_in(batch.column(name), pa.array(values)))
            yield batch.select(schema.names).cast(schema)


def give_memory_back() -> None:
    """Free pages that allocators keep: the writer's buffers are many and short-lived."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim:
            trim(0)
