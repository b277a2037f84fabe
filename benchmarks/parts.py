"""The parts of the benchmark; each is measured once and kept as JSON until code, sizes or machine change."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import agreement, figures
from benchmarks.beside.sources import Night
from benchmarks.homes import Progress, clone_home
from benchmarks.prepare import PROJECT, open_home, prepare_demo, prepare_large
from benchmarks.sizes import Sizes
from benchmarks.watch import Watched, run_watched
from brokerlake.release.releases import find_release

MEASURED_CODE = ("brokerlake", "jobs", "conf", "contracts", "expectations", "benchmarks")
NOT_MEASURED = ("report.py", "__main__.py")
"""Files of benchmarks/ that only show what was measured."""


def code_digest() -> str:
    """Changes with any file that a figure may depend on."""
    made = hashlib.sha256()
    folders = [PROJECT / name for name in MEASURED_CODE]
    files = [file for folder in folders for file in folder.rglob("*") if file.suffix in (".py", ".yaml")]
    files = [file for file in files if file.parent.name != "benchmarks" or file.name not in NOT_MEASURED]
    for file in sorted([*files, PROJECT / "data_catalog.yaml", PROJECT / "requirements.lock"]):
        made.update(str(file.relative_to(PROJECT)).encode() + b"\0" + file.read_bytes())
    return made.hexdigest()[:16]


@dataclass(frozen=True)
class Bench:
    """One benchmark.

    Attributes:
        sizes: of the large day.
        under: the folder above all data.
        settings: values of conf/ to measure the lake with, `spark.heap=3g`; figures are kept apart by them.
    """

    sizes: Sizes
    under: Path
    progress: Progress
    settings: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Prepared homes, homes of runs and kept figures of this scale."""
        return self.sizes.folder(self.under)

    def kept(self, name: str, measure: Callable[[], Any]) -> Any:
        """The part's figures, measured now unless they are kept from the same code."""
        file = self.folder / "figures" / f"{name}.json"
        code = " ".join([code_digest(), *self.settings])
        if file.exists():
            found = json.loads(file.read_text(encoding="utf-8"))
            if found["code"] == code:
                self.progress(f"{name}: kept from before")
                return found["figures"]
        self.progress(f"{name}: measuring")
        values = measure()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"code": code, "figures": values}, indent=1), encoding="utf-8")
        return values

    def run_nights(self, home: Path, nights: list[date], *more: str) -> tuple[list[dict[str, Any]], Watched]:
        """The nights in one fresh process on that home: what each took, and the memory of the process tree."""
        report = home / "night.json"
        listed = [f"--set={setting}" for setting in (*self.settings, *more)] + [str(night) for night in nights]
        watched = run_watched("benchmarks.night", "--home", str(home), "--report", str(report), *listed)
        found: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))
        for entry in found:
            entry["peak_bytes"] = watched.peak(entry["began"], entry["ended"])
        return found, watched


def large_nights(bench: Bench) -> dict[str, Any]:
    """Cold and warm night, one table at a time, so that each step's CPU is its own; DuckDB and floor beside them."""
    prepared, nights = prepare_large(bench.sizes, bench.under, bench.progress)
    home = bench.folder / "steps"
    clone_home(prepared, home)
    told, watched = bench.run_nights(home, nights, "spark.tables_at_a_time=1")
    lake = open_home(home)
    for entry, night in zip(told, nights, strict=True):
        entry["steps"] = figures.steps_of(lake, night, watched)
        entry["duckdb"], entry["floor"], entry["agreement"] = _beside(bench, home, night)
    cold, warm = told
    return {"cold": cold, "warm": warm}


def _beside(bench: Bench, home: Path, night: date) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """DuckDB's figures, the floor's, and whether both sides agree."""
    outputs = bench.folder / "outputs" / str(night)
    shutil.rmtree(outputs, ignore_errors=True)
    outputs.mkdir(parents=True)
    found = []
    for module in ("benchmarks.beside", "benchmarks.floor"):
        report = outputs / f"{module}.json"
        bench.progress(f"{module} {night}")
        where = ["--home", str(home), "--outputs", str(outputs), "--report", str(report), "--night", str(night)]
        watched = run_watched(module, *where)
        found.append(json.loads(report.read_text(encoding="utf-8")) | {"peak_bytes": watched.peak()})
    lake = open_home(home)
    release = find_release(lake.settings, night=night)
    agreed = agreement.differences(Night(lake, night, release.vector, outputs))
    return found[0], found[1], agreed


def whole_night(bench: Bench) -> dict[str, Any]:
    """The cold night as it runs every day, and the same command once more."""
    prepared, nights = prepare_large(bench.sizes, bench.under, bench.progress)
    home = bench.folder / "whole"
    clone_home(prepared, home)
    told, watched = bench.run_nights(home, nights[:1])
    steps = figures.steps_of(open_home(home), nights[0], watched)
    again, _ = bench.run_nights(home, nights[:1])
    shutil.rmtree(home)
    return {"night": told[0] | {"steps": steps}, "again": again[0]}


def quarter_night(bench: Bench) -> dict[str, Any]:
    """The cold night of a broker a fourth as large."""
    smaller = replace(bench, sizes=bench.sizes.quarter())
    prepared, nights = prepare_large(smaller.sizes, smaller.under, smaller.progress)
    home = smaller.folder / "whole"
    clone_home(prepared, home)
    told, _ = smaller.run_nights(home, nights[:1])
    shutil.rmtree(home)
    return told[0]


def demo_night(bench: Bench, days: int) -> dict[str, Any]:
    """A cold night of the demo's broker after so many days of history."""
    prepared, night = prepare_demo(bench.sizes, days, bench.under, bench.progress)
    home = bench.folder / f"demo-{days}" / "whole"
    clone_home(prepared, home)
    told, _ = bench.run_nights(home, [night])
    shutil.rmtree(home)
    return told[0]


def measure_all(bench: Bench) -> dict[str, Any]:
    """Every part, in the order of its worth."""
    short, long = bench.sizes.demo_days
    return {
        "large": bench.kept("large", lambda: large_nights(bench)),
        "whole": bench.kept("whole", lambda: whole_night(bench)),
        "quarter": bench.kept("quarter", lambda: quarter_night(bench)),
        "demo_short": bench.kept(f"demo-{short}", lambda: demo_night(bench, short)),
        "demo_long": bench.kept(f"demo-{long}", lambda: demo_night(bench, long)),
    }
