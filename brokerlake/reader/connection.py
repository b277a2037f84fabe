"""A DuckDB connection whose views are the tables of one release, and that can reach nothing else.

The tables are read by DuckDB's own Delta extension at the version the release pins. Measured against Arrow datasets of
`deltalake` (400 partitions, 200,000 rows): opening 0.02 s against 0.17 s, a full scan 0.04 s against 0.18 s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import duckdb
import pyarrow as pa

from brokerlake.errors import ReleaseError
from brokerlake.privacy.restrictions import hidden_rows
from brokerlake.reader.readable import ReadableTable
from brokerlake.tables.delta_queries import identifier, latest_rows, open_connection, quoted, scan

LIST_VIEW = "brokerlake.tables"
HISTORY_VIEW = "brokerlake.releases"
LATE_VIEW = "brokerlake.pending_restatements"


def view_sql(table: ReadableTable) -> str:
    """The query of the table's view: the pinned version; for facts the latest known row of each key.

    A key whose latest row was withdrawn is gone, and the source columns are left out. Rows of restricted persons are
    not there.
    """
    restricted = hidden_rows(table.contract, table.hidden)
    shown = f" WHERE NOT ({restricted})" if restricted else ""
    rows = f"SELECT * FROM {scan(table.path, table.version)}{shown}"
    if table.log is None:
        return rows
    visible = ", ".join(identifier(column) for column in table.columns)
    return f"SELECT {visible} FROM {latest_rows(rows, table.log, table.order)}"


def _summary_sql(table: ReadableTable) -> str:
    dates = (f"min({table.date_column})::DATE", f"max({table.date_column})::DATE")
    first, last = dates if table.date_column else ("NULL::DATE", "NULL::DATE")
    return (
        f"SELECT {quoted(table.name)} AS name, {quoted(table.description)} AS description, count(*) AS rows, "
        f"{first} AS first_date, {last} AS last_date FROM {identifier(table.name)}"
    )


def _create_views(connection: duckdb.DuckDBPyConnection, tables: Iterable[ReadableTable]) -> None:
    connection.execute("CREATE SCHEMA brokerlake")
    summaries = []
    for table in tables:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(table.name.partition('.')[0])}")
        try:
            connection.execute(f"CREATE VIEW {identifier(table.name)} AS {view_sql(table)}")
        except duckdb.Error as broken:
            cause = str(broken).strip().splitlines()[0]
            raise ReleaseError(f"{table.name} version {table.version}: cannot be read: {cause}") from broken
        connection.execute(f"COMMENT ON VIEW {identifier(table.name)} IS {quoted(table.description)}")
        summaries.append(_summary_sql(table))
    columns = "'' AS name, '' AS description, 0 AS rows, NULL::DATE AS first_date, NULL::DATE AS last_date"
    body = " UNION ALL ".join(summaries) or f"SELECT {columns} WHERE false"
    connection.execute(f"CREATE VIEW {LIST_VIEW} AS {body}")


def _lock(connection: duckdb.DuckDBPyConnection, tables: Iterable[ReadableTable]) -> None:
    folders = ", ".join(quoted(f"{table.path}/") for table in tables)
    connection.execute(f"SET allowed_directories = [{folders}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def connect(tables: Mapping[str, ReadableTable], about: Mapping[str, pa.Table]) -> duckdb.DuckDBPyConnection:
    """A connection with a view per table, `brokerlake.tables`, and the tables `about` the lake; times are in UTC.

    Files outside the public tables' folders, other extensions and settings are out of its reach.
    """
    connection = open_connection()
    _create_views(connection, tables.values())
    for name, rows in about.items():
        connection.register("_rows", rows)
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM _rows")
        connection.unregister("_rows")
    _lock(connection, tables.values())
    return connection
