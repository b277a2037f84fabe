"""Every column of every contract has its JR/T 0158 level and JR/T 0171 class, and an identity never loses its own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from brokerlake.catalog import Column, load_catalogue
from brokerlake.catalog.contracts import load_contract
from brokerlake.errors import ConfigurationError
from tests.conftest import PROJECT

CONTRACTS = sorted((PROJECT / "contracts").glob("*/*.yaml"))
LEVEL = re.compile(r"[1-4]/(none|C1|C2)")
IDENTITY = "3/C2"
OF_A_PERSON = {"customer_no", "one_id"}
NOT_OF_A_PERSON = {"name"}
"""Bronze tokenises customers' and advisers' names; products, branches, tags and plans have names too."""


def identities() -> set[str]:
    """Names of columns that hold identities, tokens of them, or what is shown of them, in any layer."""
    columns: list[Column] = [column for path in CONTRACTS for column in load_contract(path).columns]
    marked = {column.name for column in columns if column.get("identity") or column.get("masked_from")}
    return (marked | OF_A_PERSON) - NOT_OF_A_PERSON


def test_contracts__all_tables__are_looked_at():
    assert {load_contract(path).table for path in CONTRACTS} == set(
        load_catalogue(PROJECT / "data_catalog.yaml").tables
    )
    assert len(identities()) >= 12


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_contract__every_column__has_level_and_class(path):
    written = yaml.safe_load(path.read_text(encoding="utf-8"))["schema"][0]["properties"]
    assert all(LEVEL.fullmatch(str(item.get("classification"))) for item in written)
    known = identities()
    for column in load_contract(path).columns:
        assert LEVEL.fullmatch(column.classification), column.name
        if column.name in known or column.get("identity") or column.get("masked_from"):
            assert column.classification == IDENTITY, f"{column.name} is an identity: {IDENTITY}"
        if column.get("free_text"):
            assert column.classification.partition("/")[2] in ("C1", "C2"), f"{column.name} may speak of people"


@pytest.mark.parametrize("stated", ["", 'classification: "", ', "classification: , "])
def test_load_contract__column_without_level__refused_by_name(tmp_path: Path, stated):
    source = PROJECT / "contracts" / "gold" / "rfm.yaml"
    (tmp_path / "gold").mkdir()
    path = Path(shutil.copy(source, tmp_path / "gold" / "rfm.yaml"))
    text = path.read_text(encoding="utf-8")
    changed = re.sub(r'(name: one_id, .*?)classification: "[^"]*", ', rf"\g<1>{stated}", text, count=1)
    assert changed != text
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"contract gold.rfm: column one_id has no classification"):
        load_contract(path)


@pytest.mark.parametrize("stated", ["3/C3", "5/C1", "C2", "3", "3/C2 "])
def test_load_contract__level_or_class_that_is_none__refused_by_name(tmp_path: Path, stated):
    (tmp_path / "gold").mkdir()
    path = tmp_path / "gold" / "rfm.yaml"
    text = (PROJECT / "contracts" / "gold" / "rfm.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace('classification: "3/C2"', f'classification: "{stated}"', 1), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"contract gold.rfm: column \w+: classification must be"):
        load_contract(path)
