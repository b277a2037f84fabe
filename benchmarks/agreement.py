"""Do DuckDB's six outputs say what the lake's say: rows, and per column the sum of hashes; doubles by their sum."""

from __future__ import annotations

import re

from benchmarks.beside.sources import OUTPUTS, Night
from brokerlake.catalog import Column, Contract
from brokerlake.tables.delta_queries import ask, identifier, scan_days

TYPES = {"string": "VARCHAR", "timestamp": "TIMESTAMPTZ"}
TOLERANCE = 1e-9


def _type(column: Column) -> str:
    listed = re.fullmatch(r"array<(.+)>", column.type)
    if listed:
        return f"{TYPES.get(listed[1], listed[1])}[]"
    return TYPES.get(column.type, column.type)


def _figures(source: str, contract: Contract) -> dict[str, object]:
    """Rows, the sum of row hashes over exact columns, and per column its sum of hashes or of doubles."""
    exact, listed = [], ["count(*) AS rows"]
    for column in contract.columns:
        if column.name.startswith("_"):
            continue
        value = f"CAST({identifier(column.name)} AS {_type(column)})"
        if column.type == "double":
            listed.append(f"sum({value}) AS {identifier(column.name)}")
        else:
            exact.append(value)
            listed.append(f"sum(CAST(hash({value}) AS HUGEINT)) AS {identifier(column.name)}")
    listed.append(f"sum(CAST(hash({', '.join(exact)}) AS HUGEINT)) AS whole_rows")
    (found,) = ask(f"SELECT {', '.join(listed)} FROM {source}").to_pylist()
    return dict(found)


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= TOLERANCE * max(1.0, abs(one), abs(other))
    return one == other


def differences(night: Night) -> dict[str, dict[str, object]]:
    """Per output: rows of both sides and the columns that differ; `whole_rows` tells values paired otherwise."""
    found: dict[str, dict[str, object]] = {}
    for name in OUTPUTS:
        contract = night.lake.contract(name)
        path = night.lake.settings.table_path(name)
        lake = _figures(scan_days(path, night.vector[name], contract.date_column, [night.day]), contract)
        beside = _figures(f"read_parquet('{night.scratch / f'{name}.parquet'}')", contract)
        differing = sorted(column for column in lake if not _same(lake[column], beside[column]))
        found[name] = {"lake_rows": lake["rows"], "duckdb_rows": beside["rows"], "differing": differing}
    return found
