"""What runs left in a lake's ledger."""

from __future__ import annotations

from collections import Counter
from datetime import date

from brokerlake.lake import Lake
from brokerlake.tables import ops

Steps = Counter[tuple[str, date]]


def passed(lake: Lake) -> Steps:
    """How often each table of each date has passed."""
    rows = ops.read_ops(lake.settings, "ledger", ["table_name", "date", "verdict"]).to_pylist()
    made = [row for row in rows if row["verdict"] == "passed" and row["table_name"] in lake.catalogue.tables]
    return Counter((row["table_name"], row["date"]) for row in made)


def written(lake: Lake) -> int:
    """Rows of every table a run writes to before it publishes, and releases."""
    return sum(ops.read_ops(lake.settings, name).num_rows for name in ("ledger", "manifests", "releases"))
