"""Extracts of a made-up broker without faults, in a process of its own, so that its memory is free afterwards.

python -m benchmarks.extracts --home HOME --customers 2000 --pace 20000 50000 2024-09-02 2024-09-06
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.prepare import open_home
from benchmarks.sizes import SEED
from brokerlake.lake import Lake


def make_extracts(lake: Lake, days: Sequence[date], *, customers: int, pace: tuple[int, int] | None) -> None:
    """Deliveries of the trading days `days`, the first of which is the broker's first.

    Args:
        lake: whose landing gets them.
        days: trading days in a row.
        customers: how many there are by the last day; nearly all of them from the first day on.
        pace: executions and web events a day; None for the customers' own.
    """
    from brokerlake.synthetic.generate import generate

    generate(
        landing=lake.settings.landing,
        truth=lake.settings.home / "truth",
        customers=customers,
        seed=SEED,
        first=days[0],
        last=days[-1],
        calendar_dates=lake.calendar.between(days[0], lake.calendar.last),
        history_start=days[0],
        history_days=len(days),
        executions_per_day=pace[0] if pace else None,
        events_per_day=pace[1] if pace else None,
        faults=False,
    )


def main() -> None:
    """Make the extracts of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--customers", type=int, required=True)
    parser.add_argument("--pace", type=int, nargs=2, metavar=("EXECUTIONS", "EVENTS"))
    parser.add_argument("first", type=date.fromisoformat)
    parser.add_argument("last", type=date.fromisoformat)
    given = parser.parse_args()
    lake = open_home(given.home)
    pace = (given.pace[0], given.pace[1]) if given.pace else None
    make_extracts(lake, lake.calendar.between(given.first, given.last), customers=given.customers, pace=pace)


if __name__ == "__main__":
    main()
