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

from benchmarks.prepare import open_home
from brokerlake.cli.progress import long_work
from brokerlake.run.meter import tree_cpu_seconds
from brokerlake.run.nightly import run_night
from brokerlake.settings import merge


def main() -> None:
    """Run the nights and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--at-a-time", type=int, default=0, help="tables side by side; 0 as configured")
    parser.add_argument("nights", type=date.fromisoformat, nargs="+")
    given = parser.parse_args()
    lake = open_home(given.home)
    if given.at_a_time:
        conf = merge(lake.settings.conf, {"spark": {"tables_at_a_time": given.at_a_time}})
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
