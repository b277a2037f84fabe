"""Delta tables without a JVM: a contract that grows, heads that are put back."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from brokerlake.catalog import Column, contract_of
from brokerlake.tables import delta_files
from tests.conftest import PROJECT
from tests.rows import arrow_rows

TABLE = "silver.cash_flows"


def _written(path):
    contract = contract_of(PROJECT, TABLE)
    delta_files.create(path, contract)
    delta_files.append(path, arrow_rows(TABLE, [{"flow_id": "a"}]), {})
    return contract


def test_add_columns__column_new_in_the_contract__is_added_and_null_in_older_rows(tmp_path):
    contract = _written(tmp_path)
    grown = replace(contract, columns=(*contract.columns, Column("note", "decimal(18,4)", False, "-", "1/none")))
    delta_files.add_columns(tmp_path, grown)
    table = DeltaTable(tmp_path)
    assert table.protocol().min_reader_version == 1
    assert table.to_pyarrow_table().column("note").to_pylist() == [None]
    assert table.to_pyarrow_table().schema.field("note").type == pa.decimal128(18, 4)


def test_add_columns__nothing_new__makes_no_version(tmp_path):
    contract = _written(tmp_path)
    before = delta_files.head(tmp_path)
    delta_files.add_columns(tmp_path, contract)
    assert delta_files.head(tmp_path) == before


def test_restore__unpublished_head__content_of_the_version_is_the_head_again(tmp_path):
    _written(tmp_path)
    published = delta_files.head(tmp_path)
    delta_files.append(tmp_path, arrow_rows(TABLE, [{"flow_id": "bad"}]), {})
    head = delta_files.restore(tmp_path, published)
    assert head > published + 1
    assert delta_files.read(tmp_path)["flow_id"].to_pylist() == ["a"]


def test_append__rows_with_a_column_the_table_lacks__adds_it_and_keeps_what_was_there(tmp_path):
    delta_files.append(tmp_path, pa.table({"step": ["a"], "cpu_seconds": [1.0]}), {})
    delta_files.append(tmp_path, pa.table({"step": ["b"], "cpu_seconds": [2.0], "gate_cpu_seconds": [0.5]}), {})
    assert DeltaTable(tmp_path).protocol().min_reader_version == 1
    assert sorted(delta_files.read(tmp_path).to_pylist(), key=lambda row: row["step"]) == [
        {"step": "a", "cpu_seconds": 1.0, "gate_cpu_seconds": None},
        {"step": "b", "cpu_seconds": 2.0, "gate_cpu_seconds": 0.5},
    ]


def test_head__checkpoint_and_stray_files_in_the_log__is_the_version_deltalake_opens(tmp_path):
    assert delta_files.head(tmp_path) is None
    _written(tmp_path)
    DeltaTable(tmp_path).create_checkpoint()
    log = tmp_path / "_delta_log"
    (log / f"{99:020d}.json.tmp").write_text("{}")
    (log / f"{98:020d}.checkpoint.parquet.crc").write_text("")
    (log / f"_commit_{97:020d}.json").write_text("{}")
    assert delta_files.head(tmp_path) == DeltaTable(tmp_path).version() == 1


def _firm(path, *notes):
    for note in notes:
        delta_files.append(path, pa.table({"note": [note]}), {})


def _notes(path):
    return sorted(delta_files.read(path)["note"].to_pylist())


def test_at_head__another_writer_has_committed__sees_it(tmp_path):
    _firm(tmp_path, "a")
    assert _notes(tmp_path) == ["a"]
    write_deltalake(tmp_path, pa.table({"note": ["theirs"]}), mode="append")
    assert _notes(tmp_path) == ["a", "theirs"]
    with delta_files.at_head(tmp_path) as table:
        assert table.version() == delta_files.head(tmp_path) == 1


@pytest.mark.parametrize("commits", [1, 2, 3])
def test_at_head__folder_was_replaced_by_another_table__reads_that_one(tmp_path, commits):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    _firm(ours, "a", "b")
    _firm(theirs, *"xyz"[:commits])
    assert _notes(ours) == ["a", "b"]
    shutil.rmtree(ours)
    theirs.rename(ours)
    assert _notes(ours) == list("xyz"[:commits])
    _firm(ours, "c")
    assert _notes(ours) == ["c", *"xyz"[:commits]]


def test_at_head__folder_was_put_back_to_an_earlier_state__reads_that_state(tmp_path):
    lake, saved = tmp_path / "lake", tmp_path / "saved"
    _firm(lake, "a")
    shutil.copytree(lake, saved)
    _firm(lake, "b")
    assert _notes(lake) == ["a", "b"]
    shutil.rmtree(lake)
    saved.rename(lake)
    _firm(lake, "c")
    assert _notes(lake) == ["a", "c"]


def test_at_head__log_was_cleaned__reads_from_its_checkpoint(tmp_path):
    _firm(tmp_path, "a", "b")
    assert _notes(tmp_path) == ["a", "b"]
    DeltaTable(tmp_path).create_checkpoint()
    for entry in (tmp_path / "_delta_log").glob("*.json"):
        entry.unlink()
    assert _notes(tmp_path) == ["a", "b"]


def test_at_head__cleaned_folder_was_replaced__reads_the_new_one(tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    _firm(ours, "a", "b")
    _firm(theirs, "x")
    DeltaTable(ours).create_checkpoint()
    for entry in (ours / "_delta_log").glob("*.json"):
        entry.unlink()
    assert _notes(ours) == ["a", "b"]
    shutil.rmtree(ours)
    theirs.rename(ours)
    assert _notes(ours) == ["x"]


def test_at_head__used_by_two_threads__each_has_its_own(tmp_path):
    _firm(tmp_path, "a")
    with delta_files.at_head(tmp_path) as first, delta_files.at_head(tmp_path) as second:
        assert first is not second
    with delta_files.at_head(tmp_path) as kept:
        assert kept is first


def test_at_head__work_on_it_failed__is_opened_anew(tmp_path):
    _firm(tmp_path, "a")
    with delta_files.at_head(tmp_path) as before:
        pass
    with pytest.raises(ValueError, match="no"), delta_files.at_head(tmp_path) as failed:
        raise ValueError("no")
    assert failed is before
    with delta_files.at_head(tmp_path) as after:
        assert after is not before
