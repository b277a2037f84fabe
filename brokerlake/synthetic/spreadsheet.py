"""XLSX files whose bytes depend on their rows alone."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pyarrow as pa

FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_STAMP = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(<)")


def write_spreadsheet(path: Path, text: pa.Table) -> None:
    """One sheet, names in row 1, every cell as text.

    The library stamps the time of day into docProps and into the zip's entries: both are fixed afterwards.
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("data")
    sheet.append(text.column_names)
    for row in zip(*(column.to_pylist() for column in text.columns), strict=True):
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    with zipfile.ZipFile(buffer) as made, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(made.namelist()):
            content = made.read(name)
            if name == "docProps/core.xml":
                content = _STAMP.sub(rb"\g<1>1980-01-01T00:00:00Z\2", content)
            entry = zipfile.ZipInfo(name, FIXED_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, content)
