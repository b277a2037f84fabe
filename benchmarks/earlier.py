"""The earlier days of facts as one range, with the history put behind them before anything reads it.

python -m benchmarks.earlier --home HOME --history-days 250 2024-09-02 2024-09-04
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from benchmarks.history import PARTY_DAYS, write_history
from benchmarks.homes import Progress
from benchmarks.prepare import open_home
from brokerlake.cli.progress import long_work
from brokerlake.lake import Lake
from brokerlake.lease import hold
from brokerlake.release.releases import Release
from brokerlake.run.backfill import Range, open_range
from brokerlake.run.landing_step import take_deliveries
from brokerlake.run.nightly import run_tables
from brokerlake.run.publish import publish


def make_earlier(lake: Lake, first: date, last: date, history_days: int, progress: Progress) -> Release:
    """Every table of the range, published; the same call again goes on where it stopped."""
    asked = Range(first, last)
    with hold(lake.settings, asked.run_id) as lease:
        run = open_range(lake, asked, progress, lease)
        take_deliveries(run)
        tables = [lake.catalogue[name] for name in lake.catalogue.order]
        readers = lake.catalogue.downstream(PARTY_DAYS)
        run_tables(run, [table for table in tables if table.name not in readers])
        for line in write_history(run, lake.calendar.between(first, last), history_days):
            progress(line)
        run_tables(run, [table for table in tables if table.name in readers])
        return publish(run, tables)


def main() -> None:
    """Make the range of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--history-days", type=int, required=True)
    parser.add_argument("first", type=date.fromisoformat)
    parser.add_argument("last", type=date.fromisoformat)
    given = parser.parse_args()
    lake = open_home(given.home)
    with long_work(lake.settings.logs, "benchmark-earlier") as progress:
        make_earlier(lake, given.first, given.last, given.history_days, progress)


if __name__ == "__main__":
    main()
