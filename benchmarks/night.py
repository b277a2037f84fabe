"""Nights in one process, the first on a cold JVM; what each took, as JSON.

    python -m benchmarks.night --home HOME --report FILE 2024-09-05 2024-09-06

The first night's CPU seconds are those of the process since it was started: interpreter, imports and JVM are in them.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from benchmarks.prepare import open_home
from brokerlake.cli.progress import long_work
from brokerlake.run.meter import tree_cpu_seconds
from brokerlake.run.nightly import run_night
from brokerlake.settings import merge


def as_conf(setting: str) -> dict[str, Any]:
    """`spark.heap=3g` as {spark: {heap: 3g}}; raises ValueError without a name or a value."""
    path, equals, value = setting.partition("=")
    if not path or not equals:
        raise ValueError(f"{setting}: expected name=value, e.g. spark.heap=3g")
    found: Any = yaml.safe_load(value)
    for name in reversed(path.split(".")):
        found = {name: found}
    return dict(found)


def main() -> None:
    """Run the nights and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], help="a value of conf/, e.g. spark.heap=3g")
    parser.add_argument("nights", type=date.fromisoformat, nargs="+")
    given = parser.parse_args()
    lake = open_home(given.home)
    for setting in given.set:
        conf = merge(lake.settings.conf, as_conf(setting))
        lake = replace(lake, settings=replace(lake.settings, conf=conf))
    spent, began, done = 0.0, time.time(), []
    with long_work(lake.settings.logs, "benchmark-night") as progress:
        for night in given.nights:
            release = run_night(lake, night, progress)
            now, cpu = time.time(), tree_cpu_seconds()
            entry = {"night": str(night), "release": release.number, "began": began, "ended": now}
            done.append(entry | {"cpu_seconds": cpu - spent, "wall_seconds": now - began})
            spent, began = cpu, now
    given.report.write_text(json.dumps(done, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
