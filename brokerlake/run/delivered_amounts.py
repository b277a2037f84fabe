"""Money of rejected rows whose amount does not read as silver's type: as much as bronze has summed for them.

Bronze sums every plain decimal of up to 24 digits before the point and 12 behind it, silver's columns hold fewer. A
row that is rejected for such a value counts as rejected with the amount that came in, so the totals still reconcile.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from brokerlake.catalog import Table
from brokerlake.ingest.tally import PLAIN_DECIMAL
from brokerlake.tables.delta_queries import ask, identifier, quoted, scan_days, scan_staged

if TYPE_CHECKING:
    from brokerlake.run.context import Run

PLACE = ("_file", "_line", "_business_date", "_sequence", "_delivered_on")
"""Where a row stands in its delivery; no two delivered rows share it."""


def unread_amounts(
    run: Run, source: Table, staged: Path, names: Sequence[str], rejected: str
) -> dict[tuple[date, str], Decimal]:
    """Per night and column of `names`, the sum in bronze of rows for which `rejected` holds and the type holds none.

    Bronze is read only when there are such rows, and only the nights that have them.
    """
    if not names:
        return {}
    unread = " OR ".join(f"{identifier(name)} IS NULL" for name in names)
    rows = f"(SELECT * FROM {scan_staged(staged)} WHERE {rejected} AND ({unread}))"
    nights = ask(f"SELECT DISTINCT _delivered_on AS night FROM {rows} ORDER BY night")["night"].to_pylist()
    version = run.state.vector.get(source.name)
    if not nights or version is None:
        return {}
    delivered = scan_days(run.lake.settings.table_path(source.name), version, "_delivered_on", nights)
    same_place = " AND ".join(f"there.{name} IS NOT DISTINCT FROM here.{name}" for name in PLACE)
    sums = ", ".join(_sum_of(name) for name in names)
    found = ask(
        f"SELECT here._delivered_on AS night, {sums} FROM {rows} here "
        f"JOIN (SELECT * FROM {delivered}) there ON {same_place} GROUP BY ALL"
    )
    return {(group["night"], name): group[name] or Decimal(0) for group in found.to_pylist() for name in names}


def _sum_of(name: str) -> str:
    column = identifier(name)
    is_unread = f"here.{column} IS NULL AND regexp_matches(there.{column}, {quoted(PLAIN_DECIMAL)})"
    return f"sum(there.{column}::DECIMAL(38, 12)) FILTER ({is_unread}) AS {column}"
