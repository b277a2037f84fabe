"""Rows for tests: state the columns that matter, the contract supplies the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from brokerlake.catalog import Column, contract_of
from brokerlake.tables.delta_files import arrow_type

PROJECT = Path(__file__).resolve().parent.parent
DEFAULT_DATE = date(2024, 3, 4)
_DEFAULTS: dict[str, Any] = {
    "string": "x",
    "bigint": 0,
    "int": 0,
    "double": 0.0,
    "boolean": False,
    "date": DEFAULT_DATE,
    "timestamp": datetime(2024, 3, 4, 2, 0, tzinfo=UTC),
}


def _default(column: Column) -> Any:
    if not column.required:
        return None
    if column.type.startswith("decimal"):
        return Decimal(0)
    if column.type.startswith("array"):
        return []
    return _DEFAULTS[column.type]


def _fit(value: Any, type_: str) -> Any:
    if value is None:
        return None
    if type_.startswith("decimal"):
        return Decimal(str(value)).quantize(Decimal(1).scaleb(-int(type_[:-1].partition(",")[2])))
    if type_ == "date" and isinstance(value, str):
        return date.fromisoformat(value)
    if type_ == "timestamp" and isinstance(value, str):
        stamp = datetime.fromisoformat(value)
        return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    return value


def arrow_rows(
    table: str, values: Sequence[Mapping[str, Any]] = (), extra: Mapping[str, str] | None = None
) -> pa.Table:
    """Rows of `table` with its contract's columns, plus `extra` ones (name -> type) such as as_of_date.

    Dates and timestamps (UTC) may be given as ISO text, decimals as text or int. A column the contract does not
    know is an error. `_line` counts up by itself, so that rows stay apart.
    """
    columns = list(contract_of(PROJECT, table).columns)
    columns += [Column(name, type_, False, "-", "1/none") for name, type_ in (extra or {}).items()]
    names = {column.name for column in columns}
    data: dict[str, list[Any]] = {column.name: [] for column in columns}
    for at, given in enumerate(values):
        unknown = set(given) - names
        if unknown:
            raise KeyError(f"{table} has no column {sorted(unknown)}")
        given = {"_line": at + 2, "_row_hash": at + 1, "_sequence": 1, **given}
        for c in columns:
            data[c.name].append(_fit(given[c.name], c.type) if c.name in given else _default(c))
    schema = pa.schema([(column.name, arrow_type(column.type)) for column in columns])
    return pa.table(data, schema=schema)


def rows(
    spark: SparkSession,
    table: str,
    values: Sequence[Mapping[str, Any]] = (),
    extra: Mapping[str, str] | None = None,
) -> DataFrame:
    """The same as a Spark frame."""
    return spark.createDataFrame(arrow_rows(table, values, extra))


def as_dicts(frame: DataFrame, *columns: str, order: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Collected rows as dictionaries of `columns` (all when none are named), sorted by `order` or everything."""
    if columns:
        frame = frame.select(*columns)
    found = [row.asDict(recursive=True) for row in frame.collect()]
    return sorted(found, key=lambda row: [str(row[name]) for name in (order or row)])
