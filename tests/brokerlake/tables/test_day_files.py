"""Rows of many dates become a file a date and one commit; what fails leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from brokerlake.catalog import contract_of
from brokerlake.errors import ContractError
from brokerlake.tables import day_files, delta_files
from tests.conftest import PROJECT

TABLE = "silver.cash_flows"
CONTRACT = contract_of(PROJECT, TABLE)
D1, D2, D3 = date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 6)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "cash_flows"
    delta_files.create(made, CONTRACT)
    return made


def batches(*days: date | None, size: int = 2) -> Iterator[pa.RecordBatch]:
    """A flow a day, named by its place, in batches of `size`."""
    rows = [{"flow_id": str(at), "amount": at, "_delivered_on": day} for at, day in enumerate(days)]
    yield from pa.Table.from_pylist(rows, delta_files.arrow_schema(CONTRACT)).to_batches(max_chunksize=size)


def replace(path: Path, rows: Iterator[pa.RecordBatch], *days: date) -> int:
    return day_files.replace_days(path, rows, CONTRACT, days, {"run_id": "r"})


def content(path: Path) -> list[tuple[Any, ...]]:
    rows = DeltaTable(path).to_pyarrow_table(columns=["_delivered_on", "flow_id", "amount"]).to_pylist()
    return sorted((row["_delivered_on"], row["flow_id"], str(row["amount"])) for row in rows)


def files(path: Path) -> list[Path]:
    return sorted(path.glob("*/*.parquet"))


def test_replace_days__dates_across_batches__a_file_a_date_in_one_commit(path: Path) -> None:
    version = replace(path, batches(D1, D2, D2, D2, D3), D1, D2, D3)
    assert version == 1
    assert content(path) == [
        (D1, "0", "0.0000"),
        *[(D2, name, f"{name}.0000") for name in "123"],
        (D3, "4", "4.0000"),
    ]
    assert [file.parent.name for file in files(path)] == [f"_delivered_on={day}" for day in (D1, D2, D3)]
    assert DeltaTable(path).history(1)[0]["userMetadata"] == '{"run_id": "r"}'


def test_replace_days__date_that_comes_again__both_parts_are_kept(path: Path) -> None:
    replace(path, batches(D1, D2, D1), D1, D2)
    assert [row[:2] for row in content(path)] == [(D1, "0"), (D1, "2"), (D2, "1")]


def test_replace_days__second_run__replaces_its_dates_alone_also_by_nothing(path: Path) -> None:
    replace(path, batches(D1, D2, D3), D1, D2, D3)
    replace(path, batches(D2, D2), D2, D3)
    assert [row[:2] for row in content(path)] == [(D1, "0"), (D2, "0"), (D2, "1")]
    replace(path, batches(), D2)
    assert [row[:2] for row in content(path)] == [(D1, "0")]
    assert DeltaTable(path).protocol().min_reader_version == 1


@pytest.mark.parametrize("day", [D3, None])
def test_replace_days__row_of_another_date__is_refused_and_leaves_no_file(path: Path, day: date | None) -> None:
    with pytest.raises(ContractError, match=f"{TABLE}: rows dated {day}, which is no date of this run"):
        replace(path, batches(D1, day), D1, D2)
    assert files(path) == [] and delta_files.head(path) == 0


def test_replace_days__rows_that_fail_in_the_middle__their_error_and_no_file(path: Path) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from batches(D1, D1, D2)
        raise OSError("cut off")

    with pytest.raises(OSError, match="cut off"):
        replace(path, broken(), D1, D2)
    assert files(path) == [] and delta_files.head(path) == 0


def test_replace_days__large_date__one_file_with_row_groups(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_files, "ROW_GROUP_BYTES", 1)
    replace(path, batches(*[D1] * 5), D1)
    (file,) = files(path)
    assert pq.ParquetFile(file).metadata.num_row_groups == 3
    assert len(content(path)) == 5
