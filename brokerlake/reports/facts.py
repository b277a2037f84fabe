"""What the steward's page shows, read from the runner's own tables by DuckDB; nothing is computed from table data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from brokerlake.lake import Lake
from brokerlake.release.releases import Release
from brokerlake.release.restatements import pending
from brokerlake.tables import ops

NIGHTS_SHOWN = 30
EXAMPLES_SHOWN = 3
Row = dict[str, Any]

_LATEST_RULES = """
    SELECT * FROM quality_results
    QUALIFY row_number() OVER (PARTITION BY night, table_name, rule_id ORDER BY measured_at DESC) = 1
"""
_LATEST_STEPS = """
    SELECT * FROM ledger
    QUALIFY row_number() OVER (PARTITION BY table_name, date ORDER BY finished_at DESC) = 1
"""


@dataclass(frozen=True)
class TableFacts:
    """One table on the page: its newest rows, its rules, its trend over past nights (oldest first)."""

    name: str
    group: str
    owner: str
    impact: str
    description: str
    row_count: int
    last_date: date | None
    cpu_seconds: float
    rules: Sequence[Row]
    row_trend: Sequence[int]

    @property
    def failed(self) -> list[Row]:
        """Rules that failed, critical ones first."""
        return sorted((r for r in self.rules if not r["passed"]), key=lambda r: r["severity"])


@dataclass(frozen=True)
class PageFacts:
    """Everything the page shows of one release."""

    release: Release
    night: date
    tables: Sequence[TableFacts]
    rejected: Sequence[Row]
    totals: Sequence[Row]
    freshness: Sequence[Row]
    nights: Sequence[Row]
    steps: Sequence[Row]
    blocked: Mapping[str, Sequence[str]]
    late: str

    @property
    def checks(self) -> int:
        """Named audit checks of the night."""
        return sum(len(table.rules) for table in self.tables)

    @property
    def failed(self) -> list[tuple[TableFacts, Row]]:
        """Every failed rule with its table."""
        return [(table, rule) for table in self.tables for rule in table.failed]


def open_ops(lake: Lake) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection in which every table of the runner is a view of that name."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name in ops.OPS_SCHEMAS:
        connection.register(name, ops.read_ops(lake.settings, name))
    return connection


def rows_of(connection: duckdb.DuckDBPyConnection, query: str, *values: object) -> list[Row]:
    """The query's rows as dictionaries."""
    answer = connection.execute(query, list(values))
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def page_facts(lake: Lake, release: Release) -> PageFacts:
    """The facts of a release's page."""
    connection, night = open_ops(lake), release.night
    tables = _tables(lake, connection, night)
    failed = {table.name for table in tables if table.failed}
    return PageFacts(
        release=release,
        night=night,
        tables=tables,
        rejected=_rejected(connection, night),
        totals=_totals(connection, night),
        freshness=_freshness(lake, connection, release),
        nights=_nights(connection),
        steps=_steps(lake, connection, night),
        blocked={name: lake.catalogue.downstream(name) for name in failed},
        late=pending(lake.settings, release).sentence,
    )


def _tables(lake: Lake, connection: duckdb.DuckDBPyConnection, night: date) -> list[TableFacts]:
    rules = rows_of(
        connection, f"SELECT * FROM ({_LATEST_RULES}) WHERE night = ? ORDER BY table_name, kind, rule_id", night
    )
    passed = rows_of(connection, f"SELECT * FROM ({_LATEST_STEPS}) WHERE verdict = 'passed' ORDER BY table_name, date")
    history = rows_of(
        connection,
        f"SELECT table_name, rule_id, list(coalesce(failed_rows, 0) ORDER BY night) AS trend FROM ({_LATEST_RULES}) "
        "WHERE night <= ? GROUP BY ALL",
        night,
    )
    trends = {(row["table_name"], row["rule_id"]): row["trend"][-NIGHTS_SHOWN:] for row in history}
    found = []
    for name in lake.catalogue.order:
        steps = [row for row in passed if row["table_name"] == name and row["date"] <= night]
        last = steps[-1] if steps else None
        table = lake.catalogue[name]
        found.append(
            TableFacts(
                name=name,
                group=table.group,
                owner=table.owner,
                impact=table.impact,
                description=lake.contract(name).description,
                row_count=last["row_count"] if last else 0,
                last_date=last["date"] if last else None,
                cpu_seconds=last["cpu_seconds"] if last else 0.0,
                rules=[r | {"trend": trends[(name, r["rule_id"])]} for r in rules if r["table_name"] == name],
                row_trend=[row["row_count"] for row in steps[-NIGHTS_SHOWN:]],
            )
        )
    return found


def _rejected(connection: duckdb.DuckDBPyConnection, night: date) -> list[Row]:
    return rows_of(
        connection,
        f"""
        SELECT feed, rule, verdict, count(*) FILTER (night = $1) AS row_count, count(*) AS all_nights,
               list(struct_pack(file, line, excerpt) ORDER BY night DESC, file, line)[1:{EXAMPLES_SHOWN}] AS examples
        FROM rejected WHERE night <= $1 GROUP BY ALL ORDER BY row_count DESC, feed, rule
        """,
        night,
    )


def _totals(connection: duckdb.DuckDBPyConnection, night: date) -> list[Row]:
    """Control totals of the night: what came in and every place it went, landing to bronze to silver."""
    return rows_of(
        connection,
        "SELECT * FROM control_totals WHERE night = ? ORDER BY feed, measure = 'rows' DESC, measure, step",
        night,
    )


def _freshness(lake: Lake, connection: duckdb.DuckDBPyConnection, release: Release) -> list[Row]:
    last = {
        row["feed"]: row
        for row in rows_of(
            connection,
            "SELECT feed, max(business_date) AS business_date, max(night) AS night FROM manifests "
            "WHERE night <= ? GROUP BY feed",
            release.night,
        )
    }
    nothing: Row = {"business_date": None, "night": None}
    return [
        {
            "feed": feed,
            "required": bool(transport.get("required")),
            "stale": feed in release.stale_feeds,
            "business_date": last.get(feed, nothing)["business_date"],
            "night": last.get(feed, nothing)["night"],
        }
        for feed, transport in sorted(lake.feeds.items())
    ]


def _nights(connection: duckdb.DuckDBPyConnection) -> list[Row]:
    """Per night, oldest first: checks, failed rules, rejected rows."""
    return rows_of(
        connection,
        f"""
        WITH rules AS (
            SELECT night, count(*) AS checks, count(*) FILTER (NOT passed AND severity = 'critical') AS critical,
                   count(*) FILTER (NOT passed AND severity = 'warning') AS warnings
            FROM ({_LATEST_RULES}) GROUP BY night),
        lost AS (SELECT night, count(*) AS rejected FROM rejected WHERE verdict = 'rejected' GROUP BY night),
        days AS (SELECT night FROM rules UNION SELECT night FROM lost)
        SELECT night, coalesce(checks, 0) AS checks, coalesce(critical, 0) AS critical,
               coalesce(warnings, 0) AS warnings, coalesce(rejected, 0) AS rejected
        FROM days LEFT JOIN rules USING (night) LEFT JOIN lost USING (night)
        ORDER BY night DESC LIMIT {NIGHTS_SHOWN}
        """,
    )[::-1]


def _steps(lake: Lake, connection: duckdb.DuckDBPyConnection, night: date) -> list[Row]:
    """CPU and wall seconds by group of the night."""
    groups = {name: lake.catalogue[name].group for name in lake.catalogue.order}
    spent = rows_of(connection, f"SELECT table_name, cpu_seconds FROM ({_LATEST_STEPS}) WHERE date = ?", night)
    totals: dict[str, float] = {}
    for row in spent:
        if row["table_name"] in groups:
            group = groups[row["table_name"]]
            totals[group] = totals.get(group, 0.0) + row["cpu_seconds"]
    return [{"group": group, "cpu_seconds": totals[group]} for group in lake.catalogue.groups if group in totals]
