"""Rows that came after the night that owns their date: the as-of dates they would have changed, and by how much.

Filed in ops.pending_restatements for every table fed by bronze that as-of tables are made from. A row is due on the
date it speaks of or, where the contract names a `known_from_column`, on that later day: a fund trade is not late for
being confirmed on the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from brokerlake.catalog import Contract, Table
from brokerlake.plan.dates import DELIVERED, is_as_of
from brokerlake.run.context import Run
from brokerlake.run.restated_inputs import effective_column
from brokerlake.run.verdicts import bronze_source, replace_nights
from brokerlake.tables import ops
from brokerlake.tables.delta_queries import ask, identifier, scan, scan_days

Found = tuple[date, date]
"""A night and the date that rows it delivered were due on."""


def file_late_rows(run: Run, table: Table, version: int, days: Sequence[date]) -> None:
    """Replace what ops.pending_restatements says of these nights of the table."""
    contract, source = run.contract(table), bronze_source(run, table)
    effective = effective_column(table, contract)
    made_from_it = [run.lake.catalogue[name] for name in run.lake.catalogue.downstream(table.name)]
    if source is None or effective is None or not any(is_as_of(t, run.contract(t)) for t in made_from_it):
        return
    due = _due(contract, effective)
    counts = _late_rows(run, table, version, days, due)
    amounts = _amounts(run, table, version, days, due) if counts and contract.control_totals else {}
    rows = _as_rows(run, table, str(source.feed), days, counts, amounts)
    if rows or _is_filed(run, table, days):
        replace_nights(run, "pending_restatements", table.name, days, ops.as_table("pending_restatements", rows))


def _due(contract: Contract, effective: str) -> str:
    column, later = identifier(effective), contract.properties.get("known_from_column")
    return f"greatest({column}, coalesce({identifier(later)}, {column}))" if later else column


def _nights(run: Run, days: Sequence[date]) -> str:
    """The nights and the last date that belongs to the night before each."""
    calendar = run.lake.calendar
    pairs = ", ".join(f"(DATE '{day}', DATE '{calendar.previous(day)}')" for day in days if day > calendar.days[0])
    return f"(VALUES {pairs or '(NULL::DATE, NULL::DATE)'}) AS nights(night, _before)"


def _late_rows(run: Run, table: Table, version: int, days: Sequence[date], due: str) -> dict[Found, int]:
    rows = scan_days(run.lake.settings.table_path(table.name), version, DELIVERED, days)
    found = ask(
        f"SELECT night, due, count(*) AS row_count FROM (SELECT {DELIVERED} AS night, {due} AS due FROM {rows}) "
        f"JOIN {_nights(run, days)} USING (night) WHERE due <= _before GROUP BY ALL"
    )
    return {(row["night"], row["due"]): row["row_count"] for row in found.to_pylist()}


def _amounts(run: Run, table: Table, version: int, days: Sequence[date], due: str) -> dict[Found, dict[str, Decimal]]:
    """Per night and due date what the night changed in each sum: new versions less those they replaced."""
    contract, log = run.contract(table), table.log
    if log is None:
        return {}
    sums = contract.control_totals
    order = [name for name in (*log.order, "_business_date", "_sequence") if name in contract.by_name]
    keys = ", ".join(map(identifier, log.key))
    ranked = ", ".join(f"{identifier(name)} NULLS FIRST" for name in (*order, DELIVERED))
    live = f"NOT coalesce({identifier(log.deleted)}, false)" if log.deleted else "true"
    totals = ", ".join(f"sum(sign * {identifier(n)}::DECIMAL(30, 4))::DECIMAL(38, 4) AS {identifier(n)}" for n in sums)
    values = ", ".join(map(identifier, sums))
    found = ask(
        f"""
        WITH all_rows AS (
            SELECT {keys}, {values}, {", ".join(map(identifier, order))}, {DELIVERED}, {due} AS due, {live} AS live
            FROM {scan(run.lake.settings.table_path(table.name), version)} WHERE {DELIVERED} <= DATE '{max(days)}'),
        late AS (
            SELECT DISTINCT {keys} FROM all_rows JOIN {_nights(run, days)} ON night = {DELIVERED}
            WHERE due <= _before),
        ranked AS (
            SELECT *, row_number() OVER (PARTITION BY {keys} ORDER BY {ranked}) AS place
            FROM all_rows SEMI JOIN late USING ({keys})),
        placed AS (
            SELECT *, max(place) OVER (PARTITION BY {keys} ORDER BY {DELIVERED}, place
                                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS best FROM ranked),
        latest AS (
            SELECT *, lead({DELIVERED}) OVER (PARTITION BY {keys} ORDER BY place) AS replaced_on
            FROM placed WHERE best IS NULL OR place > best),
        effects AS (
            SELECT {DELIVERED} AS night, due, 1 AS sign, {values} FROM latest WHERE live
            UNION ALL SELECT replaced_on, due, -1, {values} FROM latest WHERE live AND replaced_on IS NOT NULL)
        SELECT night, due, {totals} FROM effects JOIN {_nights(run, days)} USING (night)
        WHERE due <= _before GROUP BY ALL
        """
    )
    return {(row.pop("night"), row.pop("due")): row for row in found.to_pylist()}


def _as_rows(
    run: Run,
    table: Table,
    feed: str,
    days: Sequence[date],
    counts: Mapping[Found, int],
    amounts: Mapping[Found, Mapping[str, Decimal]],
) -> list[dict[str, Any]]:
    """One row per night, due date and sum; those that would have changed no date of the lake are left out."""
    calendar, first_night = run.lake.calendar, min([*run.state.dates(table.name), *days])
    rows = []
    for night, due in sorted({*counts, *amounts}):
        first = max(calendar.next_or_same(max(due, calendar.first)), first_night)
        last = calendar.previous(night)
        without: dict[str | None, Decimal | None] = {None: None}
        for measure, amount in (amounts.get((night, due)) or without).items():
            place = {"night": night, "feed": feed, "table_name": table.name, "effective_date": due}
            dates = {"first_as_of_date": first, "last_as_of_date": last, "row_count": counts.get((night, due), 0)}
            if first <= last:
                rows.append({"run_id": run.run_id, **place, **dates, "measure": measure, "amount": amount})
    return rows


def _is_filed(run: Run, table: Table, days: Sequence[date]) -> bool:
    filed = ops.read_ops(run.lake.settings, "pending_restatements", ["table_name", "night"]).to_pylist()
    return any(row["table_name"] == table.name and row["night"] in days for row in filed)
