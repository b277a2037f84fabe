"""A small made-up broker in a scratch home, and its nights run by the real runner."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

from brokerlake.lake import Lake, open_lake
from brokerlake.plan.state import load_state
from brokerlake.release.releases import Release, current_release
from brokerlake.run.backfill import run_backfill
from brokerlake.run.nightly import run_night
from brokerlake.settings import Settings, load_settings
from brokerlake.synthetic.generate import LOOK_AHEAD_DAYS, generate

START = date(2023, 3, 1)
CUSTOMERS = 60


def scratch_settings(home: Path, like: Settings | None = None, conf: Path | None = None) -> Settings:
    """Settings of a home of its own, with the Spark values of the test session."""
    settings = load_settings(home=home, profile="local", conf=conf)
    if like is not None:
        settings = replace(settings, conf={**settings.conf, "spark": like.conf["spark"]})
    return settings


def trading_days(lake: Lake, count: int) -> list[date]:
    """The first `count` trading days of the broker's history."""
    return [day for day in lake.calendar.days if day >= START][:count]


def make_broker(lake: Lake, nights: int) -> list[date]:
    """Extracts of the first nights, with planted faults and hidden truth; the nights."""
    days = trading_days(lake, nights + LOOK_AHEAD_DAYS + 1)
    generate(
        landing=lake.settings.landing,
        truth=lake.settings.home / "truth",
        customers=CUSTOMERS,
        seed=5,
        first=days[0],
        last=days[nights - 1],
        calendar_dates=days,
        history_start=START,
    )
    return days[:nights]


def say_nothing(_: str) -> None:
    """Progress of a test."""


def backfill(lake: Lake, first: date, last: date, as_of: str = "all") -> Release:
    """One range pass, published."""
    return run_backfill(lake, first, last, as_of=as_of, progress=say_nothing)


def night(lake: Lake, day: date) -> Release:
    """One night, published."""
    return run_night(lake, day, say_nothing)


def open_scratch(home: Path, like: Settings, conf: Path | None = None) -> Lake:
    """The lake of a scratch home."""
    return open_lake(scratch_settings(home, like, conf))


def content(lake: Lake) -> dict[tuple[str, date], str]:
    """Digest of every table and date of the current release."""
    release = current_release(lake.settings)
    assert release is not None
    state, _ = load_state(lake.settings, "nobody", release)
    return {(n, d): done.digest for n in lake.catalogue.order for d in state.dates(n) if (done := state.get(n, d))}


def manifest_of(lake: Lake, feed: str, day: date) -> Path:
    """The manifest of a feed's first delivery of a day."""
    return lake.settings.landing / feed / str(day) / "seq=1" / "manifest.json"


def data_file_of(lake: Lake, feed: str, day: date) -> Path:
    """The one data file of that delivery."""
    (name,) = [entry["name"] for entry in json.loads(manifest_of(lake, feed, day).read_text())["files"]]
    return manifest_of(lake, feed, day).parent / name
