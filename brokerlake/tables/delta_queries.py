"""Delta tables at a pinned version asked in SQL by DuckDB: no JVM, and no snapshot that Spark has to build first."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import duckdb_extension_delta
import pandas as pd
import pyarrow as pa

from brokerlake.catalog import Log
from brokerlake.errors import ConfigurationError

CONFIGURATION: dict[str, str | bool | int | float | list[str]] = {
    "allow_unsigned_extensions": "true",  # the wheel's file carries no signature; pip has checked its hash
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
MEMORY_LIMIT = "600MB"
_one_opening = threading.Lock()


def extension_file() -> Path:
    """DuckDB's Delta extension from the installed wheel."""
    folder = Path(duckdb_extension_delta.__file__).parent / "extensions" / f"v{duckdb.__version__}"
    file = folder / "delta.duckdb_extension"
    if not file.exists():
        raise ConfigurationError(
            f"duckdb-extension-delta: no extension for duckdb {duckdb.__version__}; run `make setup`"
        )
    return file


def quoted(text: str) -> str:
    """The text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """`layer.table` or a column as a quoted SQL identifier."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def open_connection(settings: Mapping[str, str] | None = None) -> duckdb.DuckDBPyConnection:
    """A connection that reads Delta tables; times are UTC."""
    connection = duckdb.connect(config={**CONFIGURATION, **(settings or {})})
    connection.execute(f"LOAD {quoted(str(extension_file()))}")
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


def scan(path: Path, version: int) -> str:
    """The table exactly as of `version`, as a table expression."""
    return f"delta_scan({quoted(str(path))}, version => {version})"


def day_conditions(column: str | None, days: Sequence[date]) -> list[str]:
    """Conditions for the rows of `days`; none for a table without a date column."""
    if column is None:
        return []
    name, listed = identifier(column), ", ".join(f"DATE '{day}'" for day in days)
    # The bounds let the scan leave out the files of other partitions; a list alone does not.
    return [f"{name} BETWEEN DATE '{min(days)}' AND DATE '{max(days)}'", f"{name} IN ({listed})"]


def scan_days(path: Path, version: int, column: str | None, days: Sequence[date], where: Sequence[str] = ()) -> str:
    """The rows of `days` in a version (all of a table without a date column) that meet `where`, for use behind FROM."""
    conditions = [*day_conditions(column, days), *where]
    return scan(path, version) + (f" WHERE {' AND '.join(conditions)}" if conditions else "")


def latest_rows(rows: str, log: Log, order: Sequence[str]) -> str:
    """What stands behind FROM: of the query `rows` the last row of each key of `log`, unless it deletes the key.

    The columns `order` rank the rows of a key, the first most.
    """
    key = ", ".join(map(identifier, log.key))
    ranks = ", ".join(f"{identifier(name)} DESC NULLS LAST" for name in order)
    found = f"{rows} QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {ranks}) = 1"
    deleted = f" WHERE NOT coalesce({identifier(log.deleted)}, false)" if log.deleted else ""
    return f"({found}){deleted}"


def scan_staged(folder: Path) -> str:
    """The Parquet files of a folder, as a table expression."""
    return f"read_parquet({quoted(f'{folder}/*.parquet')})"


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """The process's own; threads ask it through cursors, so that they share one memory limit."""
    return open_connection({"memory_limit": MEMORY_LIMIT, "preserve_insertion_order": "false"})


def ask(query: str) -> pa.Table:
    """The answer as Arrow; may be called by several threads at once."""
    with _one_opening:
        cursor = _database().cursor()
    with cursor:
        return cursor.execute(query).to_arrow_table()


def copy_to(query: str, file: Path) -> None:
    """The answer as one Parquet file, which is there whole or not at all."""
    unfinished = file.with_suffix(".unfinished")
    ask(f"COPY ({query}) TO {quoted(str(unfinished))} (FORMAT parquet, COMPRESSION zstd)")
    unfinished.rename(file)


def to_judge(rows: pa.Table) -> pd.DataFrame:
    """Rows for a suite: whole numbers stay whole, decimals exact, dates are dates; null is None, of times NaT.

    Times are no objects: Great Expectations hashes what it is given, and takes twenty times as long over objects.
    """
    return rows.to_pandas(integer_object_nulls=True, date_as_object=True).replace({float("nan"): None})
