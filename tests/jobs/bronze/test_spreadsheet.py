"""Spreadsheet reader: cells as text, limits, header compared."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from jobs.bronze import spreadsheet
from jobs.bronze.batch import Options, SourceColumn, UnreadableFile

COLUMNS = (SourceColumn("spend_date", "date"), SourceColumn("plan"), SourceColumn("spend", "decimal"))
HEADER = ["spend_date", "plan", "spend"]


def read_rows(folder: Path, *rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    path = folder / "data.xlsx"
    book.save(path)
    (batch,) = spreadsheet.read(path, COLUMNS, Options())
    return batch


def test_read__typed_and_text_cells__same_text_as_a_csv_holds(tmp_path):
    batch = read_rows(
        tmp_path,
        HEADER,
        ["2024-03-01", "0017", "12.50"],
        [datetime(2024, 3, 2), None, 1e7],
        [date(2024, 3, 3), True, 0.1],
    )
    assert [tuple(row.values()) for row in batch.rows.to_pylist()] == [
        ("2024-03-01", "0017", "12.50"),
        ("2024-03-02", None, "10000000"),
        ("2024-03-03", "true", "0.1"),
    ]
    assert batch.lines.to_pylist() == [2, 3, 4]


def test_read__cells_beyond_the_header_and_an_empty_row__rejected(tmp_path):
    batch = read_rows(tmp_path, HEADER, ["d", "p", 1], ["d", "p", 1, "more"], [], ["d", "q", 2], [])
    assert [(r.line, r.rule) for r in batch.rejects] == [(3, "wrong_number_of_values"), (4, "empty_row")]
    assert batch.lines.to_pylist() == [2, 5]


def test_read__header_drifts__stops(tmp_path):
    with pytest.raises(UnreadableFile, match="missing plan"):
        read_rows(tmp_path, ["spend_date", "Plan", "spend"])
    with pytest.raises(UnreadableFile, match="first row is empty"):
        read_rows(tmp_path, [])


def test_read__limits_passed__refused(tmp_path, monkeypatch):
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 2)
    with pytest.raises(UnreadableFile) as caught:
        read_rows(tmp_path, HEADER, *[["d", "p", 1]] * 3)
    assert caught.value.rule == "spreadsheet_too_large"
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (spreadsheet.LARGEST_UNFOLDED_BYTES + 1))
    with pytest.raises(UnreadableFile, match="unfolds to more than 64 MB"):
        list(spreadsheet.read(bomb, COLUMNS, Options()))


@pytest.mark.parametrize("content", [b"no archive", b""])
def test_read__damaged_file__refused(tmp_path, content):
    path = tmp_path / "data.xlsx"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile) as caught:
        list(spreadsheet.read(path, COLUMNS, Options()))
    assert caught.value.rule == "not_a_spreadsheet"
