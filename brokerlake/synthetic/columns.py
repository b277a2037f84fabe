"""Arrow columns from integer arrays: exact decimals, dates, times, numbered codes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


def decimals(units: Integers, scale: int, null: Flags | None = None) -> pa.Array:
    """decimal128(18, scale) whose unscaled values are `units`."""
    words = np.empty((len(units), 2), dtype=np.int64)
    words[:, 0] = units
    words[:, 1] = np.asarray(units) >> 63
    column = pa.Array.from_buffers(pa.decimal128(18, scale), len(units), [None, pa.py_buffer(words)])
    return with_nulls(column, null)


def with_nulls(column: pa.Array, null: Flags | None) -> pa.Array:
    """The column with null where the flag is set."""
    return column if null is None else pc.if_else(pa.array(~null), column, pa.scalar(None, column.type))


def day_numbers(dates: Sequence[date]) -> Integers:
    """Days since 1970-01-01."""
    return np.array([value.toordinal() - EPOCH_ORDINAL for value in dates], dtype=np.int64)


def dates32(numbers: Integers, null: Flags | None = None) -> pa.Array:
    """date32 from days since 1970-01-01."""
    return with_nulls(pa.array(np.asarray(numbers).astype(np.int32)).cast(pa.date32()), null)


def timestamps(day_number: Integers | int, seconds: Integers, null: Flags | None = None) -> pa.Array:
    """timestamp[s], market-local and without zone: a day since 1970 and seconds of that day."""
    moments = np.asarray(day_number, dtype=np.int64) * 86_400 + np.asarray(seconds, dtype=np.int64)
    return with_nulls(pa.array(moments).cast(pa.timestamp("s")), null)


def picked(values: Sequence[str] | NDArray[np.str_], index: Integers, null: Flags | None = None) -> pa.Array:
    """values[index] as strings."""
    source = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    indices = pa.array(np.asarray(index, dtype=np.int64), mask=null) if null is not None else pa.array(index)
    return source.take(indices)


def codes(prefix: str, numbers: Integers, width: int = 8, null: Flags | None = None) -> pa.Array:
    """`prefix` followed by the number, padded with zeros to `width`."""
    digits = pc.utf8_lpad(pa.array(np.asarray(numbers, dtype=np.int64)).cast(pa.string()), width, "0")
    return with_nulls(pc.binary_join_element_wise(prefix, digits, ""), null)


def constant(value: str | bool, rows: int) -> pa.Array:
    """The same value in every row."""
    return pa.repeat(pa.scalar(value), rows)
