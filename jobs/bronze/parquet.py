"""Parquet: the file's own schema is compared by name, order and kind of type, then every value becomes text.

Text is what the other formats deliver, so that bronze has one shape; decimals keep all their digits, without exponent.
Text columns are read as dictionaries: a value that a small file repeats a million times is looked at once, before it
unfolds.
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
from jobs.bronze.c3 import refuse_columns, refuse_tracks_in

ROWS_AT_A_TIME = 65_536
LARGEST_CHUNK_BYTES = 256 << 20
"""Unfolded bytes of one column of one row group, and of one column of a batch."""
LONGEST_VALUE_BYTES = 1_000_000
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
    texts = [column.name for column in columns if column.source_type == "string"]
    try:
        notices = _compare_schema(pq.read_schema(path), columns)
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            _check_limits(file.metadata)
            first = 1
            for found in file.iter_batches(ROWS_AT_A_TIME, columns=[c.name for c in columns], use_threads=False):
                for name in texts:
                    _check_values(found.column(name), name)
                arrays = [to_text(found.column(column.name)) for column in columns]
                rows = pa.RecordBatch.from_arrays(arrays, schema=text_schema(columns))
                refuse_tracks_in(rows.select(texts), first)
                numbers = np.arange(first, first + found.num_rows, dtype=np.int64)
                yield Batch(rows, pa.array(numbers), (), notices)
                first, notices = first + found.num_rows, ()
            if notices:
                yield Batch(pa.RecordBatch.from_pylist([], text_schema(columns)), pa.array([], pa.int64()), (), notices)
    except (pa.ArrowException, OSError, ValueError):
        raise UnreadableFile("not_parquet", "not readable as Parquet: cut, damaged or another format") from None


def _check_limits(metadata: pq.FileMetaData) -> None:
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        sizes = [row_group.column(at).total_uncompressed_size for at in range(row_group.num_columns)]
        if max(sizes, default=0) > LARGEST_CHUNK_BYTES:
            sentence = f"a column of row group {group + 1} unfolds to more than {LARGEST_CHUNK_BYTES >> 20} MB"
            raise UnreadableFile("unfolds_too_far", sentence)


def _check_values(values: pa.Array, name: str) -> None:
    is_encoded = pa.types.is_dictionary(values.type)
    distinct = values.dictionary if is_encoded else values
    lengths = pc.binary_length(distinct)
    whole = pc.sum(lengths.take(values.indices) if is_encoded else lengths).as_py() or 0
    if (pc.max(lengths).as_py() or 0) > LONGEST_VALUE_BYTES or whole > LARGEST_CHUNK_BYTES:
        raise UnreadableFile("value_too_long", f"column {name} holds values that are too long or unfold too far")
    if pc.any(pc.match_substring(distinct, "\0")).as_py():
        raise UnreadableFile("nul_byte", f"column {name} holds a NUL byte")


def _compare_schema(found: pa.Schema, columns: Sequence[SourceColumn]) -> tuple[str, ...]:
    expected = [column.name for column in columns]
    refuse_columns(found.names, expected)
    notices = compare_columns(expected, found.names)
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
