"""Spreadsheets (XLSX): the first sheet, names in row 1, every cell as text.

Archives are opened within limits, so that a small file can't unfold into memory. A row is always as wide as the sheet,
so only cells beyond the header can make a row malformed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.bronze.batch import (
    Batch,
    Options,
    Reject,
    SourceColumn,
    UnreadableFile,
    compare_columns,
    excerpt,
    text_schema,
)

LARGEST_FILE_BYTES = 20 << 20
LARGEST_UNFOLDED_BYTES = 200 << 20
MOST_ROWS = 200_000
MOST_COLUMNS = 200


def read(path: Path, columns: Sequence[SourceColumn], options: Options) -> Iterator[Batch]:
    """One batch with the sheet's rows; raises UnreadableFile beyond the limits or on another header."""
    del options  # a spreadsheet has no dialect
    _check_limits(path)
    rows = _sheet_rows(path)
    header = [cell_text(value) or "" for value in next(rows, ())]
    while header and not header[-1]:
        header.pop()
    if not header:
        raise UnreadableFile("empty_file", "the first row is empty, it must name the columns")
    notices = compare_columns([column.name for column in columns], header)
    found = [[cell_text(value) for value in row] for row in rows]
    while found and not any(found[-1]):
        found.pop()
    yield _as_batch(found, len(header), columns, notices)


def _check_limits(path: Path) -> None:
    if path.stat().st_size > LARGEST_FILE_BYTES:
        raise UnreadableFile("spreadsheet_too_large", f"the file is larger than {LARGEST_FILE_BYTES >> 20} MB")
    try:
        with zipfile.ZipFile(path) as archive:
            unfolded = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as broken:
        raise UnreadableFile("not_a_spreadsheet", "not readable as XLSX: cut, damaged or another format") from broken
    if unfolded > LARGEST_UNFOLDED_BYTES:
        raise UnreadableFile("spreadsheet_too_large", f"unfolds to more than {LARGEST_UNFOLDED_BYTES >> 20} MB")


def _sheet_rows(path: Path) -> Iterator[tuple[Any, ...]]:
    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # the size a file states about itself may be a lie
        for seen, row in enumerate(sheet.iter_rows(values_only=True)):
            if seen > MOST_ROWS or len(row) > MOST_COLUMNS:
                raise UnreadableFile(
                    "spreadsheet_too_large", f"the sheet has more than {MOST_ROWS} rows or {MOST_COLUMNS} columns"
                )
            yield row
        book.close()
    except (KeyError, ValueError, IndexError, zipfile.BadZipFile, SyntaxError) as broken:
        raise UnreadableFile("not_a_spreadsheet", "not readable as XLSX: cut, damaged or another format") from broken


def cell_text(value: Any) -> str | None:
    """A cell as the text a CSV would hold; an empty cell is null."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f")
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)


def _as_batch(
    found: Sequence[Sequence[str | None]], width: int, columns: Sequence[SourceColumn], notices: tuple[str, ...]
) -> Batch:
    good, numbers, rejects = [], [], []
    for number, row in enumerate(found, start=2):
        if any(islice(row, width, None)):
            sentence = f"cells beyond the {width} columns of the header"
            rejects.append(Reject(number, "wrong_number_of_values", sentence, _row_text(row)))
        elif not any(row):
            rejects.append(Reject(number, "empty_row", "the row is empty", ""))
        else:
            good.append([*row, *[None] * (width - len(row))])
            numbers.append(number)
    arrays = [pa.array([row[at] for row in good], pa.string()) for at in range(len(columns))]
    rows = pa.RecordBatch.from_arrays(arrays, schema=text_schema(columns))
    return Batch(rows, pa.array(numbers, pa.int64()), tuple(rejects), notices)


def _row_text(row: Sequence[str | None]) -> str:
    return excerpt(",".join(value or "" for value in row))
