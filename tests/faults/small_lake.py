"""The small catalogue of the fault matrix: a scratch lake, nights of a firm, and what a release holds.

Every night is run by the real runner on Spark, Delta and Great Expectations; warm it takes a few seconds.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from brokerlake.lake import Lake
from brokerlake.settings import Settings
from tests.e2e import nights
from tests.faults.extracts import CONF, hand_over
from tests.faults.firm import QUIET_TRADES, Firm, Night

START = date(2023, 11, 27)
"""The history goes over a year's end and a Lunar New Year; the first night behind it is 29 February 2024."""
AHEAD = 60
"""Trading days after which gold.churn_labels tells its first label: so long is the quiet history."""

content = nights.content
run_night = nights.night
run_range = nights.backfill


def known(held: dict[tuple[str, date], str]) -> dict[tuple[str, date], str]:
    """The content of silver and gold: what is known, however it was handed over."""
    return {key: digest for key, digest in held.items() if not key[0].startswith("bronze.")}


@dataclass(frozen=True)
class SmallLake:
    """A lake whose history is published, the nights that are landed but not run, and the rows they were handed.

    Attributes:
        history: the nights of the published history.
        nights: the landed nights after it.
        rows: what was handed over, by night and feed.
    """

    lake: Lake
    history: list[date]
    nights: list[date]
    rows: dict[date, Night]

    @property
    def home(self) -> Path:
        """The folder it lives under."""
        return self.lake.settings.home

    def copy(self, home: Path, like: Settings) -> SmallLake:
        """The same lake in a folder of its own, to be damaged."""
        shutil.copytree(self.home, home)
        return SmallLake(open_small(home, like), self.history, self.nights, self.rows)


def open_small(home: Path, like: Settings) -> Lake:
    """The lake of a home with the small catalogue and the Spark values of the test session."""
    return nights.open_scratch(home, like, CONF)


def land(lake: Lake, seed: int, history: int, count: int, *, start: date = START, trades: int = 1000) -> SmallLake:
    """Deliveries of `history` quiet nights and `count` busy ones, from `start` on; nothing is run."""
    days = [day for day in lake.calendar.days if day >= start][: history + count]
    firm = Firm(seed, trades=trades)
    rows = {
        day: hand_over(lake.settings.landing, firm, day, QUIET_TRADES if at < history else None)
        for at, day in enumerate(days)
    }
    return SmallLake(lake, days[:history], days[history:], rows)


def make(
    home: Path, like: Settings, seed: int, count: int, *, history: int = AHEAD + 1, start: date = START
) -> SmallLake:
    """A lake whose quiet history is published by one range pass, with `count` landed nights to run."""
    small = land(open_small(home, like), seed, history, count, start=start)
    run_range(small.lake, small.history[0], small.history[-1])
    return small
