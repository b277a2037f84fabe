"""The prepared homes: extracts, earlier days of facts and the history behind them; kept until the sizes change."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.homes import Progress, once
from benchmarks.sizes import EARLIER_DAYS, NIGHTS, Sizes, days_of_facts
from brokerlake.cli.synth import HISTORY_START
from brokerlake.errors import BrokerlakeError
from brokerlake.lake import Lake, open_lake
from brokerlake.settings import load_settings

PROJECT = Path(__file__).parents[1]


class BenchmarkError(BrokerlakeError):
    """A step of the benchmark failed; names it and its log."""


def open_home(home: Path) -> Lake:
    """The lake of a home."""
    return open_lake(load_settings(home=home, profile="local"))


def run_module(module: str, *arguments: str) -> None:
    """`python -m module …` in a process of its own, so that its memory is free again; BenchmarkError when it fails."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
    code = subprocess.run([sys.executable, "-m", module, *arguments], cwd=PROJECT, env=environment).returncode
    if code:
        raise BenchmarkError(f"benchmark: {module} {' '.join(arguments)} failed with exit code {code}")


def make_extracts(home: Path, days: Sequence[date], customers: int, pace: tuple[int, int] | None) -> None:
    """Extracts of the days, the first of which is the broker's first, in an empty home."""
    shutil.rmtree(home, ignore_errors=True)
    listed = ["--pace", *map(str, pace)] if pace else []
    broker = ["--home", str(home), "--customers", str(customers), *listed]
    run_module("benchmarks.extracts", *broker, "--", str(days[0]), str(days[-1]))


def prepare_large(sizes: Sizes, under: Path, progress: Progress) -> tuple[Path, list[date]]:
    """The home before the measured nights: earlier facts and history published, the nights' extracts landed."""
    folder = sizes.folder(under)
    home = folder / "prepared"
    lake = open_home(home)
    days = days_of_facts(lake.calendar)
    earlier = days[:EARLIER_DAYS]
    pace = (sizes.executions, sizes.events)

    def extracts() -> None:
        make_extracts(home, days, sizes.customers, pace)

    def facts() -> None:
        days_back = str(sizes.history_days)
        run_module(
            "benchmarks.earlier", "--home", str(home), "--history-days", days_back, str(earlier[0]), str(earlier[-1])
        )

    what = f"scale {sizes.scale:g}"
    once(folder, f"extracts of {what}", extracts, progress)
    once(folder, f"facts and history of {what}", facts, progress)
    return home, days[EARLIER_DAYS : EARLIER_DAYS + NIGHTS]


def prepare_demo(sizes: Sizes, days: int, under: Path, progress: Progress) -> tuple[Path, date]:
    """The demo's broker with so many days of history, and the night that comes next."""
    folder = sizes.folder(under) / f"demo-{days}"
    home = folder / "prepared"
    lake = open_home(home)
    start = lake.calendar.next_or_same(HISTORY_START)
    nights = lake.calendar.between(start, lake.calendar.last)[: days + 1]

    def extracts() -> None:
        make_extracts(home, nights, sizes.demo_customers, None)

    def history() -> None:
        asked = ["backfill", "--from", str(nights[0]), "--to", str(nights[-2]), "--as-of", "sparse"]
        run_module("brokerlake", "--home", str(home), *asked)

    once(folder, f"extracts of a demo of {days} days", extracts, progress)
    once(folder, f"history of a demo of {days} days", history, progress)
    return home, nights[-1]
