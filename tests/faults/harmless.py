"""A night of faults that must change nothing: malformed rows, added columns, deliveries that come more than once."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from tests.faults import drift, small_lake
from tests.faults.damage import change_manifest, folder_of
from tests.faults.extracts import data_of, deliver
from tests.faults.malformed import CELL_FAULTS, RAGGED, Planted, plant
from tests.faults.small_lake import SmallLake

SPOILED = tuple(CELL_FAULTS)
WIDENED = ("trading_accounts", "trading_positions")
REPEATED = ("crm_customers", "trading_positions")
MOST_BAD_LINES = 4


@dataclass(frozen=True)
class HarmlessNight:
    """The lake after the night.

    Attributes:
        planted: malformed lines of the SPOILED feeds.
        notices: what must be noticed about the WIDENED feeds.
    """

    small: SmallLake
    planted: list[Planted]
    notices: list[str]


def run(small: SmallLake, seed: int) -> HarmlessNight:
    """Plant the faults that the seed draws, and run the night."""
    draw, day = random.Random(seed), small.nights[0]
    planted = [line for feed in SPOILED for line in _spoil(small, feed, draw)]
    for feed in REPEATED:
        _repeat(small, feed, draw)
    notices = [_widen(small, feed, draw) for feed in WIDENED]
    small_lake.run_night(small.lake, day)
    return HarmlessNight(small, planted, notices)


def _spoil(small: SmallLake, feed: str, draw: random.Random) -> list[Planted]:
    return plant(small, feed, small.nights[0], draw.randint(1, MOST_BAD_LINES), draw, [*CELL_FAULTS[feed], RAGGED])


def _repeat(small: SmallLake, feed: str, draw: random.Random) -> None:
    """The feed comes three times before its night: wrong, right, and right once more under another name."""
    day, landing = small.nights[0], small.lake.settings.landing
    rows, name = small.rows[day][feed], "renamed.data"
    first: Path = folder_of(small, feed, day)
    first.rename(first.parent / "seq=2")
    change_manifest(first.parent / "seq=2", lambda manifest: manifest.update(sequence=2))
    deliver(landing, feed, day, draw.sample(rows, len(rows) // 2))
    deliver(landing, feed, day, rows, sequence=3, files={name: (data_of(feed, rows), len(rows))})


def _widen(small: SmallLake, feed: str, draw: random.Random) -> str:
    """A nullable column behind the others, in the delivery that counts."""
    add = drift.parquet_add_at_the_end if feed == "trading_positions" else drift.add_at_the_end
    newest = max(folder_of(small, feed, small.nights[0]).parent.iterdir())
    return add(newest, draw)
