"""Customers who must not be shown: who is restricted today, what names them, and which rows that hides.

A contract marks the columns that name a person (`person: customer`, or `person_kind:` with the column that holds the
kind), and one table as the map from identifiers to persons (`names_persons`). A restricted customer is hidden by every
identifier that belongs to the same person and to nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from brokerlake.catalog import Contract, Table
from brokerlake.settings import Settings
from brokerlake.tables import delta_queries as queries
from brokerlake.tables import ops

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CUSTOMER = "customer"
MAP = "names_persons"
RESTRICT, LIFT = "restrict", "lift"
Hidden = Mapping[str, frozenset[str]]
"""Identifiers of restricted persons by kind; empty when nobody is restricted."""


def restrictions_today(settings: Settings) -> list[Mapping[str, Any]]:
    """The decision (customer_no, action, why, decided_at) that restricts each person of today, by customer_no."""
    last = {row["customer_no"]: row for row in ops.read_ops(settings, "restrictions").sort_by("decided_at").to_pylist()}
    return [last[customer] for customer in sorted(last) if last[customer]["action"] == RESTRICT]


def restricted_customers(settings: Settings) -> tuple[str, ...]:
    """customer_no of everyone restricted today, sorted."""
    return tuple(row["customer_no"] for row in restrictions_today(settings))


def decide(settings: Settings, customer: str, action: str, why: str) -> None:
    """Append a decision to ops.restrictions."""
    row = {"customer_no": customer, "action": action, "why": why, "decided_at": datetime.now(UTC)}
    ops.append_ops(settings, "restrictions", ops.as_table("restrictions", [row]), {"action": action})


def identifiers_of(
    settings: Settings, person_map: tuple[Table, Contract] | None, vector: Mapping[str, int], customers: Sequence[str]
) -> Hidden:
    """What names these customers by the map at the vector's version; the customers alone where the lake has no map.

    An identifier that the map has closed (a device of several people) is none of them.
    """
    if not customers:
        return {}
    named = {CUSTOMER: set(customers)}
    if person_map is not None and person_map[0].name in vector:
        table, contract = person_map
        for kind, value in _ask_map(settings, table, contract, vector[table.name], customers):
            named.setdefault(kind, set()).add(value)
    return {kind: frozenset(values) for kind, values in named.items()}


def _ask_map(
    settings: Settings, table: Table, contract: Contract, version: int, customers: Sequence[str]
) -> list[tuple[str, str]]:
    ((identifier, kind),) = [(c.name, str(c.get("person_kind"))) for c in contract.columns if c.get("person_kind")]
    ((person, person_kind),) = [(c.name, str(c.get("person"))) for c in contract.columns if c.get("person")]
    log = table.log
    assert log is not None
    rows = queries.scan(settings.table_path(table.name), version)
    latest = queries.latest_rows(f"SELECT * FROM {rows}", log, (*log.order, str(contract.date_column)))
    found = queries.ask(
        f"""
        WITH persons AS (
            SELECT DISTINCT {person} AS person FROM {rows}
            WHERE {kind} = {queries.quoted(CUSTOMER)} AND {identifier} IN ({_listed(customers)}))
        SELECT {kind} AS kind, {identifier} AS value FROM (SELECT * FROM {latest})
        WHERE {person} IN (FROM persons)
        UNION SELECT {queries.quoted(person_kind)}, person FROM persons WHERE person IS NOT NULL
        """
    )
    return [(row["kind"], row["value"]) for row in found.to_pylist()]


def _listed(values: Iterable[str]) -> str:
    return ", ".join(map(queries.quoted, sorted(values)))


def hidden_rows(contract: Contract, hidden: Hidden) -> str | None:
    """An SQL condition that is true for the rows of restricted persons; None when the table can have none."""
    tests = []
    for column in contract.columns:
        name = queries.identifier(column.name)
        if hidden.get(str(column.get("person"))):
            tests.append(f"{name} IN ({_listed(hidden[str(column.get('person'))])})")
        elif column.get("person_kind"):
            kind = queries.identifier(str(column.get("person_kind")))
            tests += [f"{kind} = {queries.quoted(k)} AND {name} IN ({_listed(v)})" for k, v in sorted(hidden.items())]
    return " OR ".join(f"coalesce({test}, false)" for test in tests) or None


def leaves_out_persons(table: Table, contract: Contract) -> bool:
    """True for public gold with a column that names a person: restricted ones are not written to it."""
    names_one = any(column.get("person") or column.get("person_kind") for column in contract.columns)
    return names_one and table.public and table.layer == "gold"


def leave_out(rows: DataFrame, contract: Contract, hidden: Hidden) -> DataFrame:
    """The rows of everyone who is not restricted."""
    from pyspark.sql import functions as F

    for column in contract.columns:
        kind_column = column.get("person_kind")
        for kind, values in hidden.items():
            is_one = F.col(column.name).isin(*values)
            if kind_column:
                rows = rows.where(~F.coalesce((F.col(kind_column) == kind) & is_one, F.lit(False)))
            elif column.get("person") == kind:
                rows = rows.where(~F.coalesce(is_one, F.lit(False)))
    return rows


def find_map(tables: Iterable[Table], contract_of: Callable[[str], Contract]) -> tuple[Table, Contract] | None:
    """The lake's map from identifiers to persons, with its contract."""
    for table in tables:
        if table.layer == "silver" and table.log is not None and contract_of(table.name).properties.get(MAP):
            return table, contract_of(table.name)
    return None
