"""What came late and is not restated yet, as one release sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from brokerlake.release.releases import Release
from brokerlake.settings import Settings
from brokerlake.tables import ops

LEDGER = "ops.ledger"


@dataclass(frozen=True)
class Pending:
    """As-of dates that late rows would have changed and no restatement has made again.

    Attributes:
        dates: those dates, ascending.
        rows: late rows behind them.
    """

    dates: tuple[date, ...]
    rows: int

    @property
    def sentence(self) -> str:
        """One line for a person, with the command that restates them; says so when there is nothing."""
        if not self.dates:
            return "nothing to restate"
        first, last = self.dates[0], self.dates[-1]
        return (
            f"{len(self.dates)} as-of dates would change by {self.rows} late rows: "
            f"brokerlake restate --from {first} --to {last}"
        )


def known_dates(settings: Settings, release: Release) -> dict[date, date]:
    """The release's as-of dates, each with the night whose knowledge it was made with."""
    if LEDGER not in release.vector:
        return {}
    ledger = ops.read_ops(settings, "ledger", version=release.vector[LEDGER])
    if "known_through" not in ledger.column_names:
        return {}
    rows = ledger.select(["date", "known_through", "verdict", "finished_at"]).sort_by("finished_at").to_pylist()
    return {row["date"]: row["known_through"] for row in rows if row["known_through"] and row["verdict"] == "passed"}


def _open_dates(row: Mapping[str, date], known: Mapping[date, date]) -> list[date]:
    first, last = row["first_as_of_date"], row["last_as_of_date"]
    return [day for day, night in known.items() if first <= day <= last and night < row["night"]]


def late_rows(settings: Settings, release: Release) -> pa.Table:
    """Rows of ops.pending_restatements up to the release's night, with `pending_dates`: 0 once all are restated."""
    found = ops.read_ops(settings, "pending_restatements").to_pylist()
    known = known_dates(settings, release) if found else {}
    rows = [row | {"pending_dates": len(_open_dates(row, known))} for row in found if row["night"] <= release.night]
    schema = ops.OPS_SCHEMAS["pending_restatements"].append(pa.field("pending_dates", pa.int64()))
    rows.sort(key=lambda row: (row["night"], row["table_name"], row["effective_date"], row["measure"] or ""))
    return pa.Table.from_pylist(rows, schema)


def pending(settings: Settings, release: Release) -> Pending:
    """What is still to be restated in the release."""
    found = [row for row in late_rows(settings, release).to_pylist() if row["pending_dates"]]
    known = known_dates(settings, release) if found else {}
    dates = {day for row in found for day in _open_dates(row, known)}
    counts = {(row["night"], row["table_name"], row["effective_date"]): row["row_count"] for row in found}
    return Pending(tuple(sorted(dates)), sum(counts.values()))
