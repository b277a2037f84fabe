"""Rows in the order of their dates become a Parquet file a date and one commit, without a JVM.

Only one file is open at a time, so that memory stays the same however many dates and columns a range has.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from brokerlake.catalog import Contract
from brokerlake.errors import ContractError
from brokerlake.tables import delta_files

# As delta_files.WRITER, said to PyArrow.
WRITER = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": False,
    "write_statistics": False,
    "store_decimal_as_integer": True,
}
ROW_GROUP_BYTES = 64 * 2**20
"""What a row group holds in memory, about."""


def replace_days(
    path: Path,
    batches: Iterable[pa.RecordBatch],
    contract: Contract,
    days: Sequence[date],
    metadata: Mapping[str, object],
) -> int:
    """Replace the partitions `days` by these rows in one commit; the head's version after it.

    Rows of a date that do not follow one another make a file each time. When `batches` fails nothing is left.

    Raises:
        ContractError: a row has another date, or none.
    """
    schema, column = delta_files.arrow_schema(contract), str(contract.date_column)
    inside = pa.schema([field for field in schema if field.name != column])
    files: list[tuple[str, date, int]] = []
    try:
        for day, pieces in groupby(by_day(batches, column), key=itemgetter(0)):
            if day not in days:
                raise ContractError(f"{contract.table}: rows dated {day}, which is no date of this run")
            name = f"{column}={day}/part-{uuid4()}.parquet"
            files.append((name, day, 0))
            files[-1] = name, day, _write(path / name, (rows.select(inside.names).cast(inside) for _, rows in pieces))
    except BaseException:
        for name, *_ in files:
            (path / name).unlink(missing_ok=True)
        raise
    with delta_files.at_head(path) as table:
        table.create_write_transaction(
            [_added(path, name, {column: str(day)}, rows) for name, day, rows in files],
            mode="overwrite",
            schema=schema,
            partition_by=[column],
            partition_filters=[(column, "in", [str(day) for day in days])],
            commit_properties=delta_files.commit_properties(metadata),
        )
    return delta_files.head_of_existing(path)


def by_day(batches: Iterable[pa.RecordBatch], column: str) -> Iterator[tuple[date | None, pa.RecordBatch]]:
    """Each batch cut where its date changes."""
    for batch in batches:
        dates, start = pc.run_end_encode(batch.column(column)), 0
        for day, end in zip(dates.values.to_pylist(), dates.run_ends.to_pylist(), strict=True):
            yield day, batch.slice(start, end - start)
            start = end


def _write(file: Path, pieces: Iterator[pa.RecordBatch]) -> int:
    """The rows as one file; how many they are."""
    file.parent.mkdir(exist_ok=True)
    first = next(pieces)
    with pq.ParquetWriter(file, first.schema, **WRITER) as writer:
        held, rows = [first], first.num_rows
        for piece in pieces:
            if sum(part.nbytes for part in held) >= ROW_GROUP_BYTES:
                _write_group(writer, held)
                held = []
            held.append(piece)
            rows += piece.num_rows
        _write_group(writer, held)
    return rows


def _write_group(writer: pq.ParquetWriter, held: Sequence[pa.RecordBatch]) -> None:
    rows = pa.Table.from_batches(held)
    writer.write_table(rows, row_group_size=max(rows.num_rows, 1))


def _added(path: Path, name: str, partition: Mapping[str, str], rows: int) -> AddAction:
    return AddAction(
        path=name,
        size=(path / name).stat().st_size,
        partition_values=partition,
        modification_time=int(time.time() * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": rows}),
    )
