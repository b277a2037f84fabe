"""Small lakes of one firm whose executions come on time, late, corrected or not at all."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from brokerlake.lake import Lake
from brokerlake.settings import Settings
from tests.e2e import nights
from tests.faults.extracts import deliver, hand_over
from tests.faults.firm import Firm, Night

CONF = Path(__file__).parent / "conf"
START = date(2023, 10, 9)
EXECUTIONS = "trading_executions"
CUSTOMERS, TRADES = 40, 30


@dataclass(frozen=True)
class Landed:
    """A lake with deliveries and nothing run; the nights and their rows by feed."""

    lake: Lake
    days: list[date]
    rows: dict[date, Night]


def land(home: Path, like: Settings, count: int, *, seed: int = 1, trades: int = TRADES) -> Landed:
    """Deliveries of the first `count` nights, all on time; the same for the same seed.

    The firm's own corrections are left out: each is a late fact, and the tests say which of those there are.
    """
    lake = nights.open_scratch(home, like, CONF)
    days = [day for day in lake.calendar.days if day >= START][:count]
    firm = Firm(seed, customers=CUSTOMERS, trades=trades)
    rows = {day: hand_over(lake.settings.landing, firm, day) for day in days}
    for day in days:
        rows[day][EXECUTIONS] = [row for row in rows[day][EXECUTIONS] if row["revision"] == "0"]
        remove(lake, day)
        deliver(lake.settings.landing, EXECUTIONS, day, rows[day][EXECUTIONS])
    # Tokens are compared between lakes, so all of them sign with one key.
    (lake.settings.private / "keys").mkdir(parents=True)
    key = lake.settings.private / "keys" / "k1.key"
    key.write_bytes(b"7a" * 16)
    key.chmod(0o600)
    for feed in ("trading_orders", "trading_positions"):
        shutil.rmtree(lake.settings.landing / feed)
    return Landed(lake, days, rows)


def folder_of(lake: Lake, day: date, sequence: int = 1, feed: str = EXECUTIONS) -> Path:
    """The folder of a delivery."""
    return lake.settings.landing / feed / str(day) / f"seq={sequence}"


def deliver_later(lake: Lake, day: date, delivered_on: date) -> None:
    """The executions of `day` are handed over on another day."""
    manifest = folder_of(lake, day) / "manifest.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**told, "delivered_on": str(delivered_on)}))


def remove(lake: Lake, day: date, feed: str = EXECUTIONS) -> None:
    """The feed's deliveries of `day` never came."""
    shutil.rmtree(lake.settings.landing / feed / str(day))
