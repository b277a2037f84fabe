"""Rows as a spreadsheet (XLSX): numbers and dates as such, every text guarded so that none becomes a formula."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

MOST_ROWS = 1_048_575
"""Rows below the header that the format has room for."""
LONGEST_TEXT = 32_767
MOST_DIGITS = 15
"""Digits that a number of a spreadsheet keeps; a longer one is written as text."""
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def write_workbook(table: pa.Table, path: Path, guard: Callable[[str], str]) -> None:
    """One sheet, names in row 1; `guard` makes a text safe that would begin a formula."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("data")
    sheet.append([guard(name) for name in table.column_names])
    for row in _rows(table):
        sheet.append([_cell(value, guard) for value in row])
    book.save(path)


def _rows(table: pa.Table) -> Iterator[list[Any]]:
    for batch in table.to_batches():
        yield from ([row[name] for name in table.column_names] for row in batch.to_pylist())


def _cell(value: Any, guard: Callable[[str], str]) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | Decimal):
        digits = len(Decimal(value).normalize().as_tuple().digits)
        return value if digits <= MOST_DIGITS else guard(f"{value:f}" if isinstance(value, Decimal) else str(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, date):
        return value
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return guard(_UNPRINTABLE.sub(" ", text)[: LONGEST_TEXT - 1])
