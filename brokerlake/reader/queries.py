"""Queries that people type: run against a release, read-only, tables only by their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa

from brokerlake.errors import BrokerlakeError
from brokerlake.reader.connection import LIST_VIEW

if TYPE_CHECKING:
    import duckdb

FORBIDDEN = ("COPY", "EXPORT", "ATTACH", "DETACH", "LOAD", "COPY_DATABASE")
FILE_FUNCTIONS = re.compile(r"\b(delta_\w+|parquet_\w+|read_\w+|sniff_csv|glob)\s*\(", re.IGNORECASE)
SHOW_TABLES = re.compile(r"\s*show\s+(all\s+)?tables\s*;?\s*", re.IGNORECASE)


class QueryError(BrokerlakeError):
    """The query is not valid, or asks for more than a reader may do."""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split("\n\n")[0].split())


def _check(statement: duckdb.Statement) -> None:
    kind = str(statement.type).rpartition(".")[2]
    if kind in FORBIDDEN:
        raise QueryError(f"sql: {kind} is not possible here; use --output to write a file")
    # Text in quotes is data: a literal that looks like a call is none.
    named = FILE_FUNCTIONS.search(re.sub(r"'(?:[^']|'')*'", "''", statement.query))
    if named:
        raise QueryError(f"sql: {named.group(1)}() reads files; name the tables of the release instead")


def run_query(connection: duckdb.DuckDBPyConnection, text: str) -> pa.Table:
    """The last statement's rows; `SHOW TABLES` lists the release's tables with descriptions.

    Raises:
        QueryError: DuckDB refuses it, or it reads or writes files; one line.
    """
    import duckdb

    if SHOW_TABLES.fullmatch(text):
        text = f"SELECT * FROM {LIST_VIEW} ORDER BY name"
    try:
        statements = connection.extract_statements(text)
        for statement in statements:
            _check(statement)
        if not statements:
            raise QueryError("sql: the query is empty")
        for statement in statements[:-1]:
            connection.execute(statement)
        return connection.execute(statements[-1]).to_arrow_table()
    except duckdb.Error as error:
        raise QueryError(f"sql: {_one_line(error)}") from error
