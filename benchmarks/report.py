"""Figures to goals, and both to a page: JSON for machines, Markdown for people."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.beside.sources import OUTPUTS
from benchmarks.figures import SIX_AND_WHAT_FEEDS_THEM, total
from benchmarks.sizes import Sizes

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
LIBRARIES = ("pyspark", "delta-spark", "deltalake", "duckdb", "pyarrow", "great-expectations")
GIB = float(1 << 30)
SMALL = (
    "On a small scale most CPU seconds are those of steps without rows: ratios to DuckDB say nothing of the large day."
)


@dataclass(frozen=True)
class Goal:
    """A figure with its bound.

    Attributes:
        most: the bound; the goal is met up to it.
    """

    name: str
    figure: float
    most: float
    unit: str = "x"

    @property
    def is_met(self) -> bool:
        """True up to the bound."""
        return self.figure <= self.most


def machine() -> dict[str, Any]:
    """What the figures were taken on; `load` above 0.5 before the start means that others were at work too."""
    cpu = platform.processor() or platform.machine()
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        found = re.search(r"model name\s*:\s*(.+)", listed.read_text(encoding="utf-8"))
        cpu = found[1].strip() if found else cpu
    return {
        "cpu": cpu,
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / GIB, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "load": round(psutil.getloadavg()[0], 2),
    }


def start_seconds(large: Mapping[str, Any]) -> float:
    """CPU seconds that only a cold process spends outside its tables: interpreter, imports, JVM."""
    outside = [large[name]["cpu_seconds"] - total(large[name]["steps"]) for name in ("cold", "warm")]
    return max(0.0, outside[0] - outside[1])


def six_seconds(large: Mapping[str, Any], name: str) -> float:
    """CPU seconds of the six with what feeds them; of the cold night with its start."""
    steps = total(large[name]["steps"], SIX_AND_WHAT_FEEDS_THEM)
    return steps + (start_seconds(large) if name == "cold" else 0.0)


def gate_share(steps: Mapping[str, Any], names: tuple[str, ...] | None = None) -> float:
    """Share of the gate in the CPU of the steps."""
    return total(steps, names, "gate_cpu_seconds") / total(steps, names)


def goals(found: Mapping[str, Any]) -> list[Goal]:
    """Every figure that has a bound."""
    large, whole, quarter = found["large"], found["whole"], found["quarter"]
    beside = {name: large[name]["duckdb"]["whole"]["cpu_seconds"] for name in ("cold", "warm")}
    night = whole["night"]
    return [
        Goal("six outputs, cold, CPU against DuckDB", six_seconds(large, "cold") / beside["cold"], 7.0),
        Goal("six outputs, warm, CPU against DuckDB", six_seconds(large, "warm") / beside["warm"], 4.5),
        Goal("gate in the six, warm", 100 * gate_share(large["warm"]["steps"], SIX_AND_WHAT_FEEDS_THEM), 25.0, "%"),
        Goal("peak of the cold night", night["peak_bytes"] / GIB, 4.0, "GiB"),
        Goal("four times the day, CPU", night["cpu_seconds"] / quarter["cpu_seconds"], 3.2),
        Goal("four times the day, peak", night["peak_bytes"] / quarter["peak_bytes"], 1.1),
        Goal("finished night again, CPU", whole["again"]["cpu_seconds"] / night["cpu_seconds"], 0.15),
        Goal(
            "demo night after the long history, CPU",
            found["demo_long"]["cpu_seconds"] / found["demo_short"]["cpu_seconds"],
            1.3,
        ),
    ]


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"


def _goal_table(found: Mapping[str, Any]) -> str:
    rows = [
        (goal.name, f"{_number(goal.figure)} {goal.unit}", f"<= {goal.most:g} {goal.unit}", _met(goal))
        for goal in goals(found)
    ]
    return _table(("goal", "figure", "bound", ""), rows)


def _met(goal: Goal) -> str:
    return "met" if goal.is_met else "missed"


def _output_table(large: Mapping[str, Any]) -> str:
    """Cold and warm steps beside DuckDB; DuckDB's customer_360 makes its windows itself."""
    rows = []
    for name in SIX_AND_WHAT_FEEDS_THEM:
        cold, warm = (large[night]["steps"][name] for night in ("cold", "warm"))
        beside = large["cold"]["duckdb"]["outputs"].get(name)
        rows.append(
            (
                f"`{name}`",
                f"{cold['rows']:,}",
                _number(cold["cpu_seconds"]),
                _number(warm["cpu_seconds"]),
                _number(warm["gate_cpu_seconds"]),
                _number(warm["wall_seconds"]),
                _number(warm["peak_bytes"] / GIB),
                _number(beside["cpu_seconds"]) if beside else "",
            )
        )
    head = ("step", "rows", "cold CPU s", "warm CPU s", "of it gate", "warm wall s", "peak GiB", "DuckDB CPU s")
    return _table(head, rows)


def _side_table(large: Mapping[str, Any]) -> str:
    rows = []
    for name in ("cold", "warm"):
        entry = large[name]
        duck, floor = entry["duckdb"], entry["floor"]
        rows.append(
            (
                f"{name} ({entry['night']})",
                _number(six_seconds(large, name)),
                _number(duck["whole"]["cpu_seconds"]),
                _number(floor["cpu_seconds"]),
                _number(duck["peak_bytes"] / GIB),
                "yes" if agrees(entry) else "NO",
            )
        )
    head = ("night", "lake CPU s", "DuckDB CPU s", "floor CPU s", "DuckDB peak GiB", "all six equal")
    return _table(head, rows)


def agrees(entry: Mapping[str, Any]) -> bool:
    """True when all six outputs of a night are equal on both sides."""
    return all(not sides["differing"] for sides in entry["agreement"].values())


def _night_table(found: Mapping[str, Any]) -> str:
    large, whole = found["large"], found["whole"]
    rows = [
        ("cold, one table at a time", large["cold"]),
        ("warm, one table at a time", large["warm"]),
        ("cold, as every day", whole["night"]),
        ("the same once more", whole["again"]),
        ("cold, a fourth of the size", found["quarter"]),
        ("demo, short history", found["demo_short"]),
        ("demo, long history", found["demo_long"]),
    ]
    listed = [
        (name, _number(e["cpu_seconds"]), _number(e["wall_seconds"]), _number(e["peak_bytes"] / GIB))
        for name, e in rows
    ]
    return _table(("whole night", "CPU s", "wall s", "peak GiB"), listed)


def _dearest_table(whole: Mapping[str, Any], count: int = 15) -> str:
    steps = sorted(whole["night"]["steps"].items(), key=lambda item: -item[1]["cpu_seconds"])[:count]
    listed = [
        (
            f"`{name}`",
            f"{step['rows']:,}",
            _number(step["cpu_seconds"]),
            _number(step["wall_seconds"]),
            _number(step["peak_bytes"] / GIB),
        )
        for name, step in steps
    ]
    return _table(("dearest steps, as every day", "rows", "CPU s", "wall s", "peak GiB"), listed)


def markdown(sizes: Sizes, found: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The figures as tables, with what they were taken on."""
    libraries = ", ".join(f"{name} {number}" for name, number in facts["libraries"].items())
    short, long = sizes.demo_days
    lines = [
        f"Scale {sizes.scale:g}: {sizes.customers:,} customers, {sizes.executions:,} executions, {sizes.events:,} "
        f"events, {sizes.history_days} days of party_days; the demo has {sizes.demo_customers:,} customers and "
        f"{short} or {long} days.",
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']:g} GiB, {facts['system']}, Python "
        f"{facts['python']}, {libraries}; load {facts['load']:g} before the start.",
        _goal_table(found),
        _side_table(found["large"]),
        _output_table(found["large"]),
        _night_table(found),
        _dearest_table(found["whole"]),
        f"The cold night spends {_number(start_seconds(found['large']))} CPU s on its start (interpreter, imports, "
        f"JVM), which the cold six are charged with. The gate takes "
        f"{_number(100 * gate_share(found['large']['warm']['steps']))} % of all steps of the warm night.",
    ]
    if sizes.scale < 1:
        lines.insert(1, SMALL)
    return "\n\n".join(lines) + "\n"


def fill_page(page: Path, text: str) -> None:
    """Put the figures between the marks of a page; raises ValueError when it has none."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name}: no place for figures: {BEGIN} … {END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def as_json(sizes: Sizes, found: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Everything measured, with the goals judged."""
    judged = [
        {"name": g.name, "figure": g.figure, "most": g.most, "unit": g.unit, "is_met": g.is_met} for g in goals(found)
    ]
    made = {"customers": sizes.customers, "executions": sizes.executions, "events": sizes.events}
    outputs = {night: agrees(found["large"][night]) for night in ("cold", "warm")}
    return {
        "scale": sizes.scale,
        "sizes": made | {"history_days": sizes.history_days, "demo_days": list(sizes.demo_days)},
        "machine": dict(facts),
        "goals": judged,
        "outputs": list(OUTPUTS),
        "outputs_equal": outputs,
        "parts": dict(found),
    }
