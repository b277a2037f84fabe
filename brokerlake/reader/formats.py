"""Rows as text or files: a table for the eye, CSV, JSON, Parquet, XLSX."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from brokerlake.errors import BrokerlakeError
from brokerlake.reader import workbook

FORMATS = ("table", "csv", "json", "parquet", "xlsx")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula; the wide ones in Chinese and Japanese settings."""
MOST_ROWS_SHOWN = 200
_QUOTED = re.compile(r'[",\r\n]')


class OutputError(BrokerlakeError):
    """The rows cannot be written where or how they were asked for."""


def guard(text: str) -> str:
    """The text with an apostrophe before it when a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return guard(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    return guard(json.dumps(value, default=str)) if isinstance(value, list | dict) else str(value)


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches():
        yield from batch.to_pylist()


def as_csv(table: pa.Table) -> str:
    """CSV with a header; text cells that begin like a formula are guarded, numbers stay numbers."""
    lines = [_csv_line([guard(name) for name in table.column_names])]
    lines += (_csv_line([_csv_cell(row[name]) for name in table.column_names]) for row in _rows(table))
    return "".join(lines)


def _csv_line(cells: list[str]) -> str:
    """One line by RFC 4180. Python's writer leaves a carriage return unquoted, behind which a reader sees a new row."""
    if cells == [""]:
        return '""\n'
    quote = str.maketrans({'"': '""'})
    return ",".join(f'"{c.translate(quote)}"' if _QUOTED.search(c) else c for c in cells) + "\n"


def _json_value(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def as_json(table: pa.Table) -> str:
    """A JSON array of objects; decimals as text, so that no cent is lost, times in ISO 8601."""
    lines = [json.dumps(row, default=_json_value, ensure_ascii=False) for row in _rows(table)]
    return "[" + ",\n ".join(lines) + "]\n"


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def as_table(table: pa.Table) -> Any:
    """A rich table of the first rows, with a last line that says how many there are."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    caption = f"{table.num_rows} rows"
    if table.num_rows > MOST_ROWS_SHOWN:
        caption += f", the first {MOST_ROWS_SHOWN} shown"
    shown = Table(box=box.SIMPLE_HEAD)
    for field in table.schema:
        is_number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        right = is_number or pa.types.is_decimal(field.type)
        shown.add_column(Text(field.name), justify="right" if right else "left", overflow="fold")
    for row in _rows(table.slice(0, MOST_ROWS_SHOWN)):
        shown.add_row(*(Text(_shown(row[name])) for name in table.column_names))
    return Group(shown, Text(caption))


def save(table: pa.Table, form: str, path: Path) -> None:
    """Write the file whole or not at all.

    Raises:
        OutputError: the folder does not exist or cannot be written, or a spreadsheet has no room for the rows.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        if form == "parquet":
            pq.write_table(table, draft, compression="zstd")
        elif form == "xlsx":
            if table.num_rows > workbook.MOST_ROWS:
                raise OutputError(f"{path}: a spreadsheet has room for {workbook.MOST_ROWS} rows; ask for csv or fewer")
            workbook.write_workbook(table, draft, guard)
        else:
            draft.write_text(to_text(table, form), encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error


def to_text(table: pa.Table, form: str) -> str:
    """The rows as text of one of the formats; Parquet and XLSX are none.

    Raises:
        OutputError: the format cannot be shown as text.
    """
    if form == "csv":
        return as_csv(table)
    if form == "json":
        return as_json(table)
    if form == "table":
        from rich.console import Console

        out = io.StringIO()
        Console(file=out, width=10_000).print(as_table(table))
        return out.getvalue()
    raise OutputError(f"{form}: not shown on the screen; name a file with --output")
