"""Figures as the parts of the benchmark give them, small and round."""

from __future__ import annotations

from typing import Any

from benchmarks.beside.sources import OUTPUTS
from benchmarks.figures import SIX_AND_WHAT_FEEDS_THEM

GIB = 1 << 30
OTHER = "silver.orders"


def step(cpu: float = 2.0, gate: float = 0.5) -> dict[str, Any]:
    return {"cpu_seconds": cpu, "gate_cpu_seconds": gate, "wall_seconds": 1.0, "rows": 1000, "peak_bytes": GIB}


def night(cpu: float, peak_gib: float = 2.0) -> dict[str, Any]:
    """A whole night."""
    return {"night": "2024-09-05", "cpu_seconds": cpu, "wall_seconds": cpu / 2, "peak_bytes": int(peak_gib * GIB)}


def large(cpu: float) -> dict[str, Any]:
    """A night with ten steps of the six at 2 CPU seconds and another one at 10."""
    steps = {name: step() for name in SIX_AND_WHAT_FEEDS_THEM} | {OTHER: step(10.0, 1.0)}
    outputs = {name: {"cpu_seconds": 0.5, "wall_seconds": 0.5} for name in OUTPUTS}
    return night(cpu) | {
        "steps": steps,
        "duckdb": {"whole": {"cpu_seconds": 5.0, "wall_seconds": 3.0}, "outputs": outputs, "peak_bytes": GIB},
        "floor": {"cpu_seconds": 1.0, "wall_seconds": 1.0, "peak_bytes": GIB},
        "agreement": {name: {"lake_rows": 9, "duckdb_rows": 9, "differing": []} for name in OUTPUTS},
    }


def found() -> dict[str, Any]:
    """All parts: start 12 CPU seconds, the night 60, a quarter 20, again 3, demos 10 and 15."""
    return {
        "large": {"cold": large(50.0), "warm": large(38.0)},
        "whole": {"night": night(60.0, 3.0) | {"steps": {OTHER: step()}}, "again": night(3.0)},
        "quarter": night(20.0, 2.5),
        "demo_short": night(10.0),
        "demo_long": night(15.0),
    }
