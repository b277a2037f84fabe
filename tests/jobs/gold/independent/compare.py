"""Compares a gold table with its independent query, row by row: decimals exact, doubles within 1e-9."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import duckdb

TOLERANCE = 1e-9
FIRST = 10


def same(left: Any, right: Any) -> bool:
    """Equal values; numbers of which one is a float may differ by 1e-9 of the larger one, or of 1."""
    if left is None or right is None:
        return left is right
    if isinstance(left, float) or isinstance(right, float):
        one, other = float(left), float(right)
        return abs(one - other) <= TOLERANCE * max(1.0, abs(one), abs(other))
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        return Decimal(left) == Decimal(right)
    return bool(left == right)


def differences(
    left: Iterable[Mapping[str, Any]], right: Iterable[Mapping[str, Any]], key: Sequence[str], columns: Sequence[str]
) -> list[str]:
    """Up to ten sentences: rows on one side only, twice on a side, and columns that differ."""
    sides: list[dict[tuple[Any, ...], Mapping[str, Any]]] = []
    found: list[str] = []
    for side, rows in (("table", left), ("query", right)):
        by_key: dict[tuple[Any, ...], Mapping[str, Any]] = {}
        for row in rows:
            name = tuple(row[column] for column in key)
            if name in by_key:
                found.append(f"{name}: twice in the {side}")
            by_key[name] = row
        sides.append(by_key)
    table, query = sides
    found += [f"{name}: not in the query" for name in table.keys() - query.keys()]
    found += [f"{name}: not in the table" for name in query.keys() - table.keys()]
    for name in table.keys() & query.keys():
        for column in columns:
            one, other = table[name][column], query[name][column]
            if not same(one, other):
                found.append(f"{name}: {column} is {one!r} in the table, {other!r} in the query")
    return sorted(found)[:FIRST]


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """The query's rows as dictionaries."""
    cursor = connection.execute(sql)
    names = [item[0] for item in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def compare(
    connection: duckdb.DuckDBPyConnection, table_sql: str, query_sql: str, key: Sequence[str], columns: Sequence[str]
) -> list[str]:
    """`differences` between two queries over one connection; an empty table is a difference too."""
    table = rows_of(connection, table_sql)
    if not table:
        return ["the table has no rows"]
    return differences(table, rows_of(connection, query_sql), key, columns)
