from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from brokerlake.reader.formats import MOST_ROWS_SHOWN, OutputError, as_csv, as_json, guard, save, to_text

TABLE = pa.table(
    {
        "name": ["=1+1", "plain, with comma", None],
        "amount": pa.array([Decimal("-1.5000"), Decimal("2.2500"), None], pa.decimal128(18, 4)),
        "day": [date(2024, 3, 4), None, date(2024, 2, 29)],
        "at": pa.array([datetime(2024, 3, 4, 1, 2, 3, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")),
        "is_open": [True, False, None],
        "tags": [["-a"], [], None],
    }
)


@pytest.mark.parametrize("text", ["=x", "+x", "-x", "@x", "\tx", "\rx"])
def test_guard__formula_start__apostrophe_before_it(text):
    assert guard(text) == f"'{text}"


def test_guard__plain_text__unchanged():
    assert guard("a=b") == "a=b"


def test_as_csv__text_is_guarded_and_numbers_are_not():
    rows = list(csv.DictReader(io.StringIO(as_csv(TABLE))))
    assert [row["name"] for row in rows] == ["'=1+1", "plain, with comma", ""]
    assert [row["amount"] for row in rows] == ["-1.5000", "2.2500", ""]
    assert rows[0]["at"] == "2024-03-04T01:02:03+00:00"
    assert rows[0]["is_open"] == "true"
    assert rows[0]["tags"] == '["-a"]'


def test_as_json__round_trip__no_cent_lost():
    rows = json.loads(as_json(TABLE))
    assert rows[0]["amount"] == "-1.5000"
    assert rows[2] == {"name": None, "amount": None, "day": "2024-02-29", "at": None, "is_open": None, "tags": None}
    assert json.loads(as_json(TABLE.slice(0, 0))) == []


def test_to_text__many_rows__says_how_many_there_are():
    text = to_text(pa.table({"x": list(range(MOST_ROWS_SHOWN + 5))}), "table")
    assert f"{MOST_ROWS_SHOWN + 5} rows, the first {MOST_ROWS_SHOWN} shown" in text
    assert str(MOST_ROWS_SHOWN + 1) not in text.split()


def test_save__parquet__same_rows_and_types(tmp_path):
    save(TABLE, "parquet", tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").equals(TABLE)
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_save__missing_folder__one_line(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        save(TABLE, "csv", tmp_path / "no" / "x.csv")


def test_to_text__parquet__asks_for_a_file():
    with pytest.raises(OutputError, match="--output"):
        to_text(TABLE, "parquet")
