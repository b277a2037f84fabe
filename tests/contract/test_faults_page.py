"""docs/faults.md: every row names tests that are there, and every test of the fault matrix stands on the page."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.conftest import PROJECT

PAGE = (PROJECT / "docs" / "faults.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| (F[0-9]+) \|(.*)\|$", PAGE, re.MULTILINE))


@cache
def _tests(folder: str) -> set[str]:
    files = (PROJECT / "tests" / folder).rglob("test_*.py")
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    functions = {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}
    return {name for name in functions if name.startswith("test_")}


@pytest.mark.parametrize("fault", ROWS)
def test_faults_page__each_row__names_tests_that_are_there(fault):
    cells = [cell.strip() for cell in ROWS[fault].split(" | ")]
    assert len(cells) == 3 and all(cells)
    named = re.findall(r"`(test_\w+)`", cells[2])
    assert named
    assert [name for name in named if name not in _tests("")] == []


def test_faults_page__each_test_of_the_matrix__stands_on_it():
    clean = {name for name in _tests("faults") if name.startswith(("test_firm__", "test_catalogue__"))}
    clean |= {
        "test_night__after_every_damaged_delivery_was_repaired__is_the_undisturbed_one",
        "test_night__undisturbed__keeps_thousands_of_rows_and_rejects_none",
    }
    assert {name for name in _tests("faults") if name not in PAGE} <= clean
