"""Parquet reader: schema compared, every value exact text."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.bronze import parquet
from jobs.bronze.batch import Options, SourceColumn, UnreadableFile

COLUMNS = (
    SourceColumn("id"),
    SourceColumn("day", "date"),
    SourceColumn("amount", "decimal"),
    SourceColumn("at", "timestamp"),
    SourceColumn("open", "boolean"),
)
GOOD = {
    "id": pa.array(["000001", None]).dictionary_encode(),
    "day": pa.array([date(2024, 2, 29), None]),
    "amount": pa.array([Decimal("0.0000000100"), Decimal("-12.5000000000")], pa.decimal128(18, 10)),
    "at": pa.array([datetime(2024, 2, 29, 9, 30, 1), None], pa.timestamp("us")),
    "open": pa.array([True, None]),
}


def read_columns(folder: Path, columns: dict[str, pa.Array]):
    path = folder / "data.parquet"
    pq.write_table(pa.table(columns), path)
    return list(parquet.read(path, COLUMNS, Options()))


def test_read__typed_columns__become_plain_text(tmp_path):
    (batch,) = read_columns(tmp_path, GOOD)
    first, second = batch.rows.to_pylist()
    assert first == {
        "id": "000001",
        "day": "2024-02-29",
        "amount": "0.0000000100",
        "at": "2024-02-29 09:30:01",
        "open": "true",
    }
    assert (second["id"], second["amount"], second["at"]) == (None, "-12.5000000000", None)
    assert batch.lines.to_pylist() == [1, 2]


def test_read__several_batches__row_numbers_run_on(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_AT_A_TIME", 1)
    assert [batch.lines.to_pylist() for batch in read_columns(tmp_path, GOOD)] == [[1], [2]]


def test_read__microseconds__kept(tmp_path):
    at = pa.array([datetime(2024, 1, 1, 0, 0, 0, 5), datetime(2024, 1, 1)], pa.timestamp("us"))
    (batch,) = read_columns(tmp_path, {**GOOD, "at": at})
    assert batch.rows.column("at")[0].as_py() == "2024-01-01 00:00:00.000005"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"amount": pa.array([1.5, 2.5])}, "column types differ: amount is double, expected decimal"),
        ({"day": pa.array(["2024-02-29", None])}, "column types differ: day is string, expected date"),
        ({"id": pa.array([1, 2])}, "column types differ: id is int64, expected string"),
    ],
)
def test_read__type_drifts__stops_naming_the_column(tmp_path, changed, sentence):
    with pytest.raises(UnreadableFile) as caught:
        read_columns(tmp_path, {**GOOD, **changed})
    assert caught.value.sentence == sentence


def test_read__column_dropped_or_added__stops_or_notes(tmp_path):
    with pytest.raises(UnreadableFile, match="missing open"):
        read_columns(tmp_path, {name: values for name, values in GOOD.items() if name != "open"})
    (batch,) = read_columns(tmp_path, {**GOOD, "new": pa.array([1, 2])})
    assert batch.notices == ("column new added at the end, not read",)


@pytest.mark.parametrize("content", [b"", b"PAR1 no parquet PAR1", b"id,day\n"])
def test_read__damaged_file__refused(tmp_path, content):
    path = tmp_path / "data.parquet"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile) as caught:
        list(parquet.read(path, COLUMNS, Options()))
    assert caught.value.rule == "not_parquet"
