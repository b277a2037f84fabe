"""Parquet: the file's own schema is compared by name, order and kind of type, then every value becomes text.

Text is what the other formats deliver, so that bronze has one shape; decimals keep all their digits, without exponent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.bronze.batch import Batch, Options, SourceColumn, UnreadableFile, compare_columns, text_schema

ROWS_AT_A_TIME = 65_536
_KINDS = {
    "decimal": pa.types.is_decimal,
    "int": pa.types.is_integer,
    "date": pa.types.is_date,
    "timestamp": pa.types.is_timestamp,
    "boolean": pa.types.is_boolean,
    "string": lambda type_: pa.types.is_string(type_) or pa.types.is_large_string(type_),
}


def read(path: Path, columns: Sequence[SourceColumn], options: Options) -> Iterator[Batch]:
    """Batches of the file's rows, `lines` being row numbers from 1; raises UnreadableFile on another schema."""
    del options  # Parquet says everything itself
    try:
        with pq.ParquetFile(path) as file:
            notices = _compare_schema(file.schema_arrow, columns)
            first = 1
            for found in file.iter_batches(ROWS_AT_A_TIME, columns=[c.name for c in columns], use_threads=False):
                arrays = [to_text(found.column(column.name)) for column in columns]
                rows = pa.RecordBatch.from_arrays(arrays, schema=text_schema(columns))
                numbers = np.arange(first, first + found.num_rows, dtype=np.int64)
                yield Batch(rows, pa.array(numbers), (), notices)
                first, notices = first + found.num_rows, ()
            if notices:
                yield Batch(pa.RecordBatch.from_pylist([], text_schema(columns)), pa.array([], pa.int64()), (), notices)
    except (pa.ArrowInvalid, OSError) as broken:
        raise UnreadableFile("not_parquet", "not readable as Parquet: cut, damaged or another format") from broken


def _compare_schema(found: pa.Schema, columns: Sequence[SourceColumn]) -> tuple[str, ...]:
    notices = compare_columns([column.name for column in columns], found.names)
    wrong = []
    for column in columns:
        type_ = found.field(column.name).type
        type_ = type_.value_type if pa.types.is_dictionary(type_) else type_
        if not _KINDS[column.source_type](type_):
            wrong.append(f"{column.name} is {type_}, expected {column.source_type}")
    if wrong:
        raise UnreadableFile("column_types_differ", "column types differ: " + "; ".join(wrong))
    return notices


def to_text(values: pa.Array) -> pa.Array:
    """The column as text: ISO dates, `YYYY-MM-DD HH:MM:SS[.ffffff]`, true/false, plain decimals; empty is null."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_timestamp(values.type):
        whole = pc.all(pc.equal(pc.floor_temporal(values, unit="second"), values)).as_py()
        text = values.cast(pa.timestamp("s" if whole is not False else "us"), safe=False).cast(pa.string())
    else:
        text = values.cast(pa.string())
    if pa.types.is_decimal(values.type):
        return _without_exponent(text)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _without_exponent(text: pa.Array) -> pa.Array:
    """Arrow writes decimals below 0.000001 with an exponent; those few are written out."""
    if not pc.any(pc.match_substring(text, "E")).as_py():
        return text
    return pa.array([None if t is None else format(Decimal(t), "f") for t in text.to_pylist()], pa.string())
