"""Delimited text (CSV and its kin): one row a line, quotes by RFC 4180, the header compared by name and order.

A line break inside a value is refused: with it, line numbers would be guesses and a cut file could not be told from a
long value. Lines with another number of values are rejected one by one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from jobs.bronze.batch import (
    MOST_REJECTS,
    Batch,
    Options,
    Reject,
    SourceColumn,
    UnreadableFile,
    compare_columns,
    excerpt,
    text_schema,
    too_many_rejects,
)
from jobs.bronze.c3 import refuse_columns
from jobs.bronze.lines import Stretch, read_stretches


def read(path: Path, columns: Sequence[SourceColumn], options: Options) -> Iterator[Batch]:
    """Batches of the file's rows; raises UnreadableFile when the file as a whole is not what was agreed."""
    names: list[str] = []
    notices: tuple[str, ...] = ()
    for stretch in read_stretches(path, options):
        if not names:
            names, stretch = _split_header(stretch, options.delimiter)
            expected = [column.name for column in columns]
            refuse_columns(names, expected)
            notices = compare_columns(expected, names)
        yield _read_stretch(stretch, names, columns, options.delimiter, notices)
        notices = ()
    if not names:
        raise UnreadableFile("empty_file", "the file is empty, not even a header line")


def _split_header(stretch: Stretch, delimiter: str) -> tuple[list[str], Stretch]:
    head, _, rest = stretch.text.partition(b"\n")
    try:
        names = next(csv.reader([head.decode("utf-8").rstrip("\r")], delimiter=delimiter), [])
    except csv.Error:
        raise UnreadableFile("columns_differ", "the first line does not name columns") from None
    if not names:
        raise UnreadableFile("empty_file", "the first line is empty, it must name the columns")
    return names, Stretch(rest, stretch.first_line + 1, stretch.count - 1)


def _read_stretch(
    stretch: Stretch, names: list[str], columns: Sequence[SourceColumn], delimiter: str, notices: tuple[str, ...]
) -> Batch:
    schema = text_schema(columns)
    if not stretch.count:
        return Batch(pa.RecordBatch.from_pylist([], schema), pa.array([], pa.int64()), (), notices)
    rejects: list[Reject] = []

    def reject(row: arrow_csv.InvalidRow) -> str:
        if len(rejects) >= MOST_REJECTS:
            return "error"
        sentence = f"{row.actual_columns} values, {row.expected_columns} columns"
        line = stretch.first_line + row.number - 1
        rejects.append(Reject(line, "wrong_number_of_values", sentence, excerpt(row.text)))
        return "skip"

    try:
        table = _parse(stretch, names, schema, delimiter, reject)
    except pa.ArrowInvalid:
        is_full = len(rejects) >= MOST_REJECTS
        raise (too_many_rejects(stretch.first_line) if is_full else _line_break_in_value(stretch)) from None
    if table.num_rows + len(rejects) != stretch.count:
        raise _line_break_in_value(stretch)
    wrong = np.array([entry.line - stretch.first_line for entry in rejects], dtype=np.int64)
    lines = np.delete(np.arange(stretch.first_line, stretch.first_line + stretch.count, dtype=np.int64), wrong)
    rows = pa.RecordBatch.from_arrays([_one(column) for column in table.columns], schema=schema)
    empty = np.isin(lines, _empty_lines(stretch))
    if empty.sum() + len(rejects) > MOST_REJECTS:
        raise too_many_rejects(stretch.first_line)
    if empty.any():  # the parser makes rows of nulls of them
        rejects += [Reject(int(line), "empty_line", "the line is empty", "") for line in lines[empty]]
        rows, lines = rows.filter(pa.array(~empty)), lines[~empty]
    return Batch(rows, pa.array(lines), tuple(sorted(rejects, key=lambda entry: entry.line)), notices)


def _empty_lines(stretch: Stretch) -> np.ndarray:
    """Numbers of the lines with nothing in them."""
    text = stretch.text
    if not (text.startswith((b"\n", b"\r\n")) or b"\n\n" in text or b"\n\r\n" in text):
        return np.array([], dtype=np.int64)
    characters = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(characters == ord("\n"))[: stretch.count]
    lengths = np.diff(ends, prepend=-1) - 1
    is_empty = (lengths == 0) | ((lengths == 1) & (characters[ends - 1] == ord("\r")))
    return stretch.first_line + np.flatnonzero(is_empty)


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _parse(stretch: Stretch, names: list[str], schema: pa.Schema, delimiter: str, reject) -> pa.Table:
    return arrow_csv.read_csv(
        pa.BufferReader(stretch.text),
        read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(stretch.text) + 1),
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter, ignore_empty_lines=False, invalid_row_handler=reject),
        convert_options=arrow_csv.ConvertOptions(
            column_types=schema,
            include_columns=schema.names,
            null_values=[""],
            strings_can_be_null=True,
            check_utf8=False,
        ),
    )


def _line_break_in_value(stretch: Stretch) -> UnreadableFile:
    """The fault at the first line whose quotes don't pair, or that holds a carriage return."""
    for at, line in enumerate(stretch.text.split(b"\n")):
        if line.count(b'"') % 2 or b"\r" in line.removesuffix(b"\r"):
            return UnreadableFile(
                "line_break_in_value", f"line {stretch.first_line + at}: a quoted value runs over the end of the line"
            )
    return UnreadableFile("line_break_in_value", f"from line {stretch.first_line} on: a value runs over lines")
