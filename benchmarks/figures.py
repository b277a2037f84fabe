"""From the lake's own ledger to what each step of a night took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from benchmarks.beside.sources import OUTPUTS
from benchmarks.watch import Watched
from brokerlake.lake import Lake
from brokerlake.run.nightly import night_id
from brokerlake.tables import ops

SIX_AND_WHAT_FEEDS_THEM = (
    "bronze.trading_executions",
    "bronze.trading_cash_flows",
    "bronze.web_events",
    *OUTPUTS[:5],
    "silver.customer_windows",
    OUTPUTS[5],
)
"""What DuckDB does too: it parses the three feeds, and its customer_360 makes its windows itself."""
Figures = dict[str, Any]


def steps_of(lake: Lake, night: date, watched: Watched) -> dict[str, Figures]:
    """Per table of the night: CPU, gate and wall seconds, rows, and the tree's peak while the step was under way."""
    found: dict[str, Figures] = {}
    for row in ops.read_ops(lake.settings, "ledger").to_pylist():
        if row["run_id"] != night_id(night) or row["table_name"] not in lake.catalogue.tables:
            continue
        ended = row["finished_at"].timestamp()
        began = ended - row["wall_seconds"]
        found[row["table_name"]] = {
            "cpu_seconds": row["cpu_seconds"],
            "gate_cpu_seconds": row["gate_cpu_seconds"],
            "wall_seconds": row["wall_seconds"],
            "rows": row["row_count"],
            "peak_bytes": watched.peak(began, ended),
        }
    return found


def total(steps: Mapping[str, Figures], names: Iterable[str] | None = None, key: str = "cpu_seconds") -> float:
    """Sum of a figure over the named steps, all when None; a name without a step raises KeyError."""
    return sum(steps[name][key] for name in (steps if names is None else names))
