"""Spreadsheets (XLSX): the first sheet, names in row 1, every cell as text.

Archives are unfolded once within limits before they are parsed, so that a small file can't fill the memory, whatever it
says about itself; parts that declare entities are refused. A row is always as wide as the sheet,
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
from jobs.bronze.c3 import refuse_columns, refuse_tracks

LARGEST_FILE_BYTES = 20 << 20
LARGEST_UNFOLDED_BYTES = 64 << 20
MOST_PARTS = 1000
MOST_ROWS = 100_000
MOST_COLUMNS = 200
MOST_CELLS = 500_000
LONGEST_CELL = 32_767
"""Characters of a cell, the format's own limit."""
_PIECE_BYTES = 1 << 20
_NOT_READABLE = "not readable as XLSX: cut, damaged, encrypted or another format"


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
    expected = [column.name for column in columns]
    refuse_columns(header, expected)
    notices = compare_columns(expected, header)
    found = [[cell_text(value) for value in row] for row in rows]
    while found and not any(found[-1]):
        found.pop()
    lines = (",".join(value or "" for value in row).replace("\n", " ") for row in found)
    refuse_tracks("\n".join(lines).encode(), 2)
    yield _as_batch(found, len(header), columns, notices)


def _too_large(sentence: str) -> UnreadableFile:
    return UnreadableFile("spreadsheet_too_large", sentence)


def _check_limits(path: Path) -> None:
    if path.stat().st_size > LARGEST_FILE_BYTES:
        raise _too_large(f"the file is larger than {LARGEST_FILE_BYTES >> 20} MB")
    try:
        with zipfile.ZipFile(path) as archive:
            _unfold(archive)
    except UnreadableFile:
        raise
    except Exception:  # zlib, zipfile and codecs raise more kinds than they document
        raise UnreadableFile("not_a_spreadsheet", _NOT_READABLE) from None


def _unfold(archive: zipfile.ZipFile) -> None:
    """Read every part once, within the limits; what the archive says about sizes is not believed."""
    parts = archive.infolist()
    if len(parts) > MOST_PARTS:
        raise _too_large(f"the archive has more than {MOST_PARTS} parts")
    unfolded = 0
    for part in parts:
        before = b""
        with archive.open(part) as content:
            while piece := content.read(_PIECE_BYTES):
                unfolded += len(piece)
                if unfolded > LARGEST_UNFOLDED_BYTES:
                    raise _too_large(f"unfolds to more than {LARGEST_UNFOLDED_BYTES >> 20} MB")
                window = before + piece
                if part.filename.endswith((".xml", ".rels")) and (b"<!DOCTYPE" in window or b"\0" in window):
                    raise UnreadableFile("spreadsheet_declares_entities", "a part has a document type or a NUL byte")
                before = piece[-16:]


def _sheet_rows(path: Path) -> Iterator[tuple[Any, ...]]:
    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # the size a file states about itself may be a lie
        cells = 0
        for seen, row in enumerate(sheet.iter_rows(values_only=True)):
            cells += len(row)
            if seen > MOST_ROWS or len(row) > MOST_COLUMNS or cells > MOST_CELLS:
                raise _too_large(
                    f"the sheet has more than {MOST_ROWS} rows, {MOST_COLUMNS} columns or {MOST_CELLS} cells"
                )
            if any(isinstance(value, str) and len(value) > LONGEST_CELL for value in row):
                raise _too_large(f"row {seen + 1} has a cell of more than {LONGEST_CELL} characters")
            yield row
        book.close()
    except UnreadableFile:
        raise
    except Exception:  # the parser meets a hostile file with whatever it trips over
        raise UnreadableFile("not_a_spreadsheet", _NOT_READABLE) from None


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
        if len(rejects) > MOST_REJECTS:
            raise too_many_rejects(2)
    arrays = [pa.array([row[at] for row in good], pa.string()) for at in range(len(columns))]
    rows = pa.RecordBatch.from_arrays(arrays, schema=text_schema(columns))
    return Batch(rows, pa.array(numbers, pa.int64()), tuple(rejects), notices)


def _row_text(row: Sequence[str | None]) -> str:
    return excerpt(",".join(value or "" for value in row))
