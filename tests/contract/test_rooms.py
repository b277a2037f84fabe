"""The rooms of the house: what each may import and call, held by reading the code, not by reviewers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from brokerlake.catalog import load_catalogue
from tests.conftest import PROJECT

CATALOGUE = load_catalogue(PROJECT / "data_catalog.yaml")
JOBS = sorted((PROJECT / "jobs").rglob("*.py"))
MACHINE = sorted((PROJECT / "brokerlake").rglob("*.py"))
BENCHMARKS = sorted((PROJECT / "benchmarks").rglob("*.py"))
ALLOWED = {
    "silver": {
        "jobs.methods",
        "pyspark",
        "dataclasses",
        "datetime",
        "decimal",
        "functools",
        "collections",
        "typing",
        "__future__",
        "itertools",
        "math",
        "operator",
    },
    "bronze": {"pyarrow", "duckdb", "polars", "openpyxl", "jobs.bronze"},
    "methods": {"numpy", "scipy", "pyspark", "jobs.methods"},
}
ALLOWED["gold"] = ALLOWED["silver"]
BANNED_CALLS = {
    "collect",
    "cache",
    "persist",
    "toPandas",
    "toArrow",
    "save",
    "saveAsTable",
    "write",
    "expr",
    "now",
    "today",
}
BANNED_ATTRIBUTES = {"rdd", "sparkContext", "write", "writeTo", "writeStream"}
BANNED_WORDS = {"utils", "helpers", "common", "misc", "manager"}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _within(name: str, allowed: set[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in allowed)


@pytest.mark.parametrize("path", [p for p in JOBS if p.parent.name in ("silver", "gold")], ids=lambda p: p.stem)
def test_table_module__imports__only_methods_and_pyspark(path):
    assert [name for name in _imports(path) if not _within(name, ALLOWED["silver"])] == []


@pytest.mark.parametrize("path", [p for p in JOBS if p.parent.name in ("bronze", "methods")], ids=lambda p: p.stem)
def test_reader_or_method__imports__no_machine_and_no_other_room(path):
    forbidden = [n for n in _imports(path) if _within(n, {"brokerlake", "airflow", "deltalake", "delta"})]
    forbidden += [n for n in _imports(path) if n.startswith("jobs.") and not _within(n, ALLOWED[path.parent.name])]
    if path.parent.name == "bronze":
        forbidden += [n for n in _imports(path) if _within(n, {"pyspark"})]
    assert forbidden == []


@pytest.mark.parametrize(
    "path", [p for p in JOBS if p.parent.name in ("silver", "gold", "methods")], ids=lambda p: p.stem
)
def test_job__calls__nothing_that_reads_writes_collects_or_knows_the_time(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            assert node.attr not in BANNED_ATTRIBUTES, f"{path.name}:{node.lineno} {node.attr}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in BANNED_CALLS, f"{path.name}:{node.lineno} {node.func.attr}()"


@pytest.mark.parametrize("table", [n for n in CATALOGUE.order if CATALOGUE[n].layer in ("silver", "gold")])
def test_build__arguments__are_the_inputs_of_the_catalogue(table):
    layer, _, name = table.partition(".")
    tree = ast.parse((PROJECT / "jobs" / layer / f"{name}.py").read_text(encoding="utf-8"))
    (build,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "build"]
    assert not build.args.args
    assert {a.arg for a in build.args.kwonlyargs} == {i.name for i in CATALOGUE[table].inputs} | {"params"}
    assert ast.get_docstring(tree), f"{table}: no docstring that states the grain"
    assert (ast.get_docstring(tree) or "").startswith(table)


@pytest.mark.parametrize("path", MACHINE, ids=lambda p: str(p.relative_to(PROJECT / "brokerlake")))
def test_machine__text__names_no_table_but_its_own(path):
    if "synthetic" in path.parts:
        return
    text = path.read_text(encoding="utf-8")
    named = [name for name in CATALOGUE.order if f'"{name}"' in text or f"'{name}'" in text]
    assert named == []


@pytest.mark.parametrize("path", [p for p in MACHINE if "synthetic" not in p.parts], ids=lambda p: p.stem)
def test_machine__imports__no_table_module(path):
    assert [n for n in _imports(path) if _within(n, {"jobs.silver", "jobs.gold", "jobs.methods"})] == []


@pytest.mark.parametrize("path", [*JOBS, *MACHINE], ids=lambda p: str(p.relative_to(PROJECT)))
def test_house__imports__nothing_of_benchmarks_or_tests(path):
    assert [name for name in _imports(path) if _within(name, {"benchmarks", "tests"})] == []


@pytest.mark.parametrize("path", [*JOBS, *MACHINE, *BENCHMARKS], ids=lambda p: str(p.relative_to(PROJECT)))
def test_file__name_and_length__keep_the_house_rules(path):
    assert path.stem not in BANNED_WORDS
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
