"""Delta tables without a JVM: heads, creation, restoring a head, small commits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from deltalake import ColumnProperties, CommitProperties, DeltaTable, Schema, WriterProperties, write_deltalake
from deltalake.exceptions import TableNotFoundError

from brokerlake.catalog import Contract
from brokerlake.errors import LeaseError

TABLE_SETTINGS = {
    "delta.logRetentionDuration": "interval 75 days",
    "delta.deletedFileRetentionDuration": "interval 75 days",
    "delta.enableExpiredLogCleanup": "false",
}
# Spark's reader of snappy pages sets up a stream and a buffer a page, which for small files costs more than their rows;
# dictionaries double the writer's time and memory and save no bytes after zstd.
WRITER = WriterProperties(
    compression="ZSTD", compression_level=1, default_column_properties=ColumnProperties(dictionary_enabled=False)
)
_COMMIT = re.compile(r"^[0-9]{20}\.json$")
_opened: dict[Path, tuple[DeltaTable, tuple[int, ...]]] = {}
_ARROW = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
}


def arrow_type(type_: str) -> pa.DataType:
    """The Arrow type of a contract's Spark type."""
    decimal = re.fullmatch(r"decimal\((\d+),(\d+)\)", type_)
    if decimal:
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    array = re.fullmatch(r"array<(.+)>", type_)
    return pa.list_(arrow_type(array[1])) if array else _ARROW[type_]


def arrow_schema(contract: Contract) -> pa.Schema:
    """The contract's columns as an Arrow schema, all nullable."""
    return pa.schema([(column.name, arrow_type(column.type)) for column in contract.columns])


def head(path: Path) -> int | None:
    """Newest version of the table, None when it does not exist.

    Taken from the names of the log's entries: opening a table reads its log, and heads are asked for hundreds of times.
    """
    log = path / "_delta_log"
    if not log.is_dir():
        return None
    versions = [int(entry.name[:20]) for entry in log.iterdir() if _COMMIT.match(entry.name)]
    return max(versions, default=None)


def head_of_existing(path: Path) -> int:
    """Newest version of the table; raises TableNotFoundError when it does not exist."""
    version = head(path)
    if version is None:
        raise TableNotFoundError(f"no Delta table at {path.name}")
    return version


@contextmanager
def at_head(path: Path) -> Iterator[DeltaTable]:
    """The table at its head, for this thread alone; one that was open before reads only the commits since.

    Opening reads the log back to its last checkpoint, up to a hundred commits, and a night commits hundreds of times.
    """
    kept = _opened.pop(path, None)
    if kept is not None and kept[1] == _commit_file(path, kept[0]):
        table = kept[0]
        table.update_incremental()
    else:
        table = DeltaTable(path)
    yield table
    if (stands_at := _commit_file(path, table)) is not None:
        _opened[path] = table, stands_at


def _commit_file(path: Path, table: DeltaTable) -> tuple[int, ...] | None:
    """Which file its version's commit is: another one when the folder was put back or made anew, none when cleaned."""
    try:
        found = (path / "_delta_log" / f"{table.version():020}.json").stat()
    except FileNotFoundError:
        return None
    return table.version(), found.st_ino, found.st_size, found.st_mtime_ns


def create(path: Path, contract: Contract) -> int:
    """An empty table with the contract's columns, partitioned by its date column; its version."""
    statistics = [*contract.key, *([contract.date_column] if contract.date_column else [])]
    made = DeltaTable.create(
        path,
        schema=arrow_schema(contract),
        partition_by=[contract.date_column] if contract.date_column else None,
        mode="ignore",
        description=contract.description,
        configuration={
            **TABLE_SETTINGS,
            "delta.dataSkippingStatsColumns": ",".join(dict.fromkeys(statistics)) or contract.columns[0].name,
        },
    )
    return made.version()


def add_columns(path: Path, contract: Contract) -> None:
    """Add the contract's columns that the table does not have yet, null in what was written before."""
    add_missing(path, arrow_schema(contract))


def add_missing(path: Path, schema: pa.Schema) -> None:
    """Add the columns of `schema` that the table does not have yet, null in what was written before."""
    with at_head(path) as table:
        there = {field.name for field in table.schema().fields}
        new = pa.schema([field for field in schema if field.name not in there])
        if len(new):
            table.alter.add_columns(Schema.from_arrow(new).fields)


def restore(path: Path, version: int) -> int:
    """Make the content of `version` the head again when it is not; the head's version after that."""
    with at_head(path) as table:
        if table.version() != version:
            table.restore(version, protocol_downgrade_allowed=False)
    return head_of_existing(path)


def prepare(path: Path, contract: Contract, base_version: int | None) -> int:
    """Make the table ready for a commit on top of `base_version` (the empty table when None); the head's version then.

    A head that nobody published is put back, and columns new in the contract are added.
    """
    if head(path) is None:
        create(path, contract)
    else:
        restore(path, base_version or 0)
    add_columns(path, contract)
    return head_of_existing(path)


def check_follows(table: str, version: int, before: int) -> None:
    """Raise LeaseError unless `version` is the very next one: between two of ours, somebody else has written."""
    if version != before + 1:
        raise LeaseError(f"{table}: version {version} does not follow {before}: another writer has committed")


def read(path: Path, version: int | None = None, columns: list[str] | None = None) -> pa.Table:
    """The table at `version` (head when None) as Arrow."""
    if version is not None:
        return DeltaTable(path, version=version).to_pyarrow_table(columns=columns)
    with at_head(path) as table:
        return table.to_pyarrow_table(columns=columns)


def commit_properties(metadata: Mapping[str, object]) -> CommitProperties:
    """What a commit says of the run that makes it."""
    return CommitProperties(custom_metadata={"userMetadata": json.dumps(dict(metadata), default=str)})


def append(path: Path, rows: pa.Table, metadata: Mapping[str, object]) -> int:
    """Append rows in one commit; the head's version after it. Columns the table does not have yet are added."""
    if head(path) is None:
        _append(path, rows, metadata)
    else:
        with at_head(path) as table:
            _append(table, rows, metadata)
    return head_of_existing(path)


def _append(target: Path | DeltaTable, rows: pa.Table, metadata: Mapping[str, object]) -> None:
    properties = commit_properties(metadata)
    write_deltalake(
        target, rows, mode="append", schema_mode="merge", commit_properties=properties, writer_properties=WRITER
    )


def replace(
    path: Path, rows: pa.Table | pa.RecordBatchReader, predicate: str | None, metadata: Mapping[str, object]
) -> int:
    """Replace the rows that `predicate` names (all when None) in one commit; the head's version after it."""
    with at_head(path) as table:
        write_deltalake(
            table,
            rows,
            mode="overwrite",
            predicate=predicate,
            commit_properties=commit_properties(metadata),
            writer_properties=WRITER,
        )
    return head_of_existing(path)


def delete(path: Path, predicate: str, metadata: Mapping[str, object]) -> int:
    """Delete the rows that `predicate` names in one commit; the head's version after it."""
    DeltaTable(path).delete(predicate, writer_properties=WRITER, commit_properties=commit_properties(metadata))
    return head_of_existing(path)


def compact(path: Path, most_files: int) -> None:
    """Merge the small files of a table that has more than `most_files`."""
    table = DeltaTable(path)
    if len(table.file_uris()) > most_files:
        table.optimize.compact()


def merge_small_files(path: Path, metadata: Mapping[str, object]) -> int:
    """Merge the files of each partition in one commit that changes no row; the head's version after it."""
    DeltaTable(path).optimize.compact(writer_properties=WRITER, commit_properties=commit_properties(metadata))
    return head_of_existing(path)
