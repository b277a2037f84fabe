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
import pyarrow.dataset as pads
from pyspark.sql import DataFrame, SparkSession

from brokerlake.catalog import Contract
from brokerlake.errors import ContractError
from brokerlake.tables import delta_files, spark_tables

MOST_OPEN_COLUMNS = 20_000
"""Columns times dates up to which the version is written in this process, some 50 KB of memory each."""
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
    spark: SparkSession,
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
    if days and len(contract.columns) * len(days) > MOST_OPEN_COLUMNS:
        rows = spark_tables.read_staged(spark, folder, contract, where)
        spark_tables.write_days(rows, path, contract, days, metadata)
    else:
        with _one_writing:
            batches = _batches(folder, contract, where)
            delta_files.replace(path, batches, _partitions(contract, days), metadata)
        give_memory_back()
    version = delta_files.head(path)
    if version is None:
        raise ContractError(f"{contract.table}: the table vanished after its write")
    delta_files.check_follows(contract.table, version, prepared)
    return version


def _partitions(contract: Contract, days: Sequence[date] | None) -> str | None:
    if days is None:
        return None
    listed = ", ".join(f"'{day}'" for day in days)
    return f"{contract.date_column} IN ({listed})"


def _batches(folder: Path, contract: Contract, where: Mapping[str, Sequence[str]]) -> pa.RecordBatchReader:
    """The contract's columns of the staged rows, a batch at a time."""
    schema = delta_files.arrow_schema(contract)
    extra = pa.schema([(name, pa.string()) for name in where])
    files = [str(file) for file in sorted(folder.glob("*.parquet"))]
    dataset = pads.dataset(files, schema=pa.unify_schemas([schema, extra]))
    chosen = None
    for name, values in where.items():
        is_one = pads.field(name).isin(list(values))
        chosen = is_one if chosen is None else chosen & is_one
    return dataset.scanner(
        columns=schema.names, filter=chosen, batch_size=BATCH_ROWS, batch_readahead=2, fragment_readahead=1
    ).to_reader()


def give_memory_back() -> None:
    """Free pages that allocators keep: the writer's buffers are many and short-lived."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim:
            trim(0)
