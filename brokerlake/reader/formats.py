"""Rows as text or files: a table for the eye, CSV, JSON, Parquet."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from brokerlake.errors import BrokerlakeError

FORMATS = ("table", "csv", "json", "parquet")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
MOST_ROWS_SHOWN = 200


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
    return guard(json.dumps(value, default=str)) if isinstance(value, list | dict) else str(value)


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches():
        yield from batch.to_pylist()


def as_csv(table: pa.Table) -> str:
    """CSV with a header; text cells that begin like a formula are guarded, numbers stay numbers."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([guard(name) for name in table.column_names])
    for row in _rows(table):
        writer.writerow([_csv_cell(row[name]) for name in table.column_names])
    return out.getvalue()


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
        OutputError: the folder does not exist or cannot be written.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        if form == "parquet":
            pq.write_table(table, draft, compression="zstd")
        else:
            draft.write_text(to_text(table, form), encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error


def to_text(table: pa.Table, form: str) -> str:
    """The rows as text of one of the formats; Parquet is none.

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
