"""Every table of the catalogue has its files, and every contract is a valid ODCS document with levels."""

from __future__ import annotations

import re

import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from brokerlake.catalog import SOURCE_COLUMNS, contract_of, load_catalogue
from brokerlake.tables.delta_files import arrow_schema
from tests.conftest import PROJECT

CATALOGUE = load_catalogue(PROJECT / "data_catalog.yaml")
TABLES = list(CATALOGUE.order)
LEVEL = re.compile(r"[1-4]/(none|C1|C2)")


def _path(table: str, room: str):
    layer, _, name = table.partition(".")
    return PROJECT / room / layer / f"{name}.yaml"


@pytest.mark.parametrize("table", TABLES)
def test_contract__of_a_table__is_a_valid_odcs_document(table):
    text = _path(table, "contracts").read_text(encoding="utf-8")
    document = OpenDataContractStandard.from_string(text)
    assert document.apiVersion == "v3.1.0"
    assert document.id == table


@pytest.mark.parametrize("table", TABLES)
def test_contract__every_column__has_levels_and_a_storable_type(table):
    contract = contract_of(PROJECT, table)
    assert len(arrow_schema(contract)) == len(contract.columns)
    for column in contract.columns:
        assert LEVEL.fullmatch(column.classification), f"{table}.{column.name}: {column.classification}"
        assert len(column.description) > 5 or column.name.startswith("_"), f"{table}.{column.name}"


@pytest.mark.parametrize("table", TABLES)
def test_contract__grain_and_key__are_stated(table):
    contract = contract_of(PROJECT, table)
    assert contract.description.startswith("One row per")
    assert contract.key, f"{table} has no key"
    raw = yaml.safe_load(_path(table, "contracts").read_text(encoding="utf-8"))
    assert {item["property"] for item in raw["slaProperties"]} >= {"retention", "latency"}


@pytest.mark.parametrize("table", [name for name in TABLES if CATALOGUE[name].layer != "bronze"])
def test_table__of_silver_or_gold__has_module_suite_and_tests(table):
    layer, _, name = table.partition(".")
    assert (PROJECT / "jobs" / layer / f"{name}.py").exists()
    assert _path(table, "expectations").exists()
    assert (PROJECT / "tests" / "jobs" / layer / f"test_{name}.py").exists()


def test_files__of_contracts_and_suites__belong_to_a_table():
    for room in ("contracts", "expectations"):
        named = {f"{path.parent.name}.{path.stem}" for path in (PROJECT / room).glob("*/*.yaml")}
        assert not named - set(TABLES)


def test_bronze__source_columns__stand_at_the_end():
    for table in CATALOGUE.of_layer("bronze"):
        columns = contract_of(PROJECT, table.name).columns
        assert columns[-len(SOURCE_COLUMNS) :] == SOURCE_COLUMNS
        assert {column.type for column in columns[: -len(SOURCE_COLUMNS)]} == {"string"}


NAMES_OF_PERSONS = {"customer_no", "account_id", "device_id", "one_id", "party_id", "identifier"}


@pytest.mark.parametrize("table", [name for name in TABLES if CATALOGUE[name].layer in ("silver", "gold")])
def test_contract__column_that_names_a_person__is_marked_so_that_a_restriction_hides_it(table):
    for column in contract_of(PROJECT, table).columns:
        if column.name in NAMES_OF_PERSONS:
            assert column.get("person") or column.get("person_kind"), f"{table}.{column.name}"


def test_contracts__map_of_persons__is_one_table_with_one_identifier_and_one_person():
    contracts = [contract_of(PROJECT, name) for name in TABLES]
    (only,) = [contract for contract in contracts if contract.properties.get("names_persons")]
    assert sum(bool(column.get("person_kind")) for column in only.columns) == 1
    assert sum(bool(column.get("person")) for column in only.columns) == 1
    assert CATALOGUE[only.table].log is not None
