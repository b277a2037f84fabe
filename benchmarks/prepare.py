"""The prepared homes: extracts, earlier days of facts and the history behind them; kept until the sizes change."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.history import write_history
from benchmarks.homes import Progress, once
from benchmarks.sizes import EARLIER_DAYS, NIGHTS, SEED, Sizes, days_of_facts
from brokerlake.cli.synth import HISTORY_START
from brokerlake.errors import BrokerlakeError
from brokerlake.lake import Lake, open_lake
from brokerlake.settings import load_settings


class BenchmarkError(BrokerlakeError):
    """A step of the benchmark failed; names it and its log."""


def open_home(home: Path) -> Lake:
    """The lake of a home."""
    return open_lake(load_settings(home=home, profile="local"))


def run_command(home: Path, *arguments: str) -> None:
    """`brokerlake` in a process of its own, its output in the home's logs/; raises BenchmarkError when it fails."""
    log = home / "logs" / f"benchmark-{arguments[0]}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        command = [sys.executable, "-m", "brokerlake", "--home", str(home), *arguments]
        code = subprocess.run(command, stdout=out, stderr=out, cwd=Path(__file__).parents[1], env=os.environ).returncode
    if code:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        raise BenchmarkError(f"benchmark: {arguments[0]} failed: {lines[-1] if lines else 'it said nothing'} ({log})")


def make_extracts(
    lake: Lake, days: Sequence[date], *, customers: int, start: date, pace: tuple[int, int] | None
) -> None:
    """Extracts of a made-up broker without faults, `pace` executions and events a day."""
    from brokerlake.synthetic.generate import generate

    generate(
        landing=lake.settings.landing,
        truth=lake.settings.home / "truth",
        customers=customers,
        seed=SEED,
        first=days[0],
        last=days[-1],
        calendar_dates=lake.calendar.between(start, lake.calendar.last),
        history_start=start,
        history_days=max(len(days), 1),
        executions_per_day=pace[0] if pace else None,
        events_per_day=pace[1] if pace else None,
        faults=False,
    )


def prepare_large(sizes: Sizes, under: Path, progress: Progress) -> tuple[Path, list[date]]:
    """The home before the measured nights: earlier facts and history published, the nights' extracts landed."""
    folder = sizes.folder(under)
    home = folder / "prepared"
    lake = open_home(home)
    days = days_of_facts(lake.calendar)
    earlier = days[:EARLIER_DAYS]
    pace = (sizes.executions, sizes.events)

    def extracts() -> None:
        shutil.rmtree(home, ignore_errors=True)
        make_extracts(lake, days, customers=sizes.customers, start=days[0], pace=pace)

    def facts() -> None:
        _drop_lake(home)
        run_command(home, "backfill", "--from", str(earlier[0]), "--to", str(earlier[-1]))

    def history() -> None:
        for line in write_history(lake, earlier, sizes.history_days):
            progress(line)

    what = f"scale {sizes.scale:g}"
    once(folder, f"extracts of {what}", extracts, progress)
    once(folder, f"facts of {what}", facts, progress)
    once(folder, f"history of {what}", history, progress)
    return home, days[EARLIER_DAYS : EARLIER_DAYS + NIGHTS]


def _drop_lake(home: Path) -> None:
    for name in ("lake", "vault", "reports"):
        shutil.rmtree(home / name, ignore_errors=True)


def prepare_demo(sizes: Sizes, days: int, under: Path, progress: Progress) -> tuple[Path, date]:
    """The demo's broker with so many days of history, and the night that comes next."""
    folder = sizes.folder(under) / f"demo-{days}"
    home = folder / "prepared"
    lake = open_home(home)
    start = lake.calendar.next_or_same(HISTORY_START)
    nights = lake.calendar.between(start, lake.calendar.last)[: days + 1]

    def extracts() -> None:
        shutil.rmtree(home, ignore_errors=True)
        make_extracts(lake, nights, customers=sizes.demo_customers, start=start, pace=None)

    def history() -> None:
        _drop_lake(home)
        run_command(home, "backfill", "--from", str(nights[0]), "--to", str(nights[-2]), "--as-of", "sparse")

    once(folder, f"extracts of a demo of {days} days", extracts, progress)
    once(folder, f"history of a demo of {days} days", history, progress)
    return home, nights[-1]
