"""Delta tables without a JVM: a contract that grows, heads that are put back."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
from deltalake import DeltaTable

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
