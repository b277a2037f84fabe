"""Which deliveries of a night are still missing, and until when it waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from brokerlake.errors import ConfigurationError, LandingError

DEFAULT_DEADLINE = "23:00"
NOON = time(12)


def deadline_of(feed: str, transport: Mapping[str, Any], night: date, time_zone: str) -> datetime:
    """When the night stops waiting for the feed: `deadline` in the market's zone; before noon means the day after."""
    text = str(transport.get("deadline", DEFAULT_DEADLINE))
    try:
        moment = time.fromisoformat(text)
    except ValueError as broken:
        raise ConfigurationError(f"feeds.yaml: {feed}: deadline {text!r} is no time like 22:30") from broken
    day = night + timedelta(days=1) if moment < NOON else night
    return datetime.combine(day, moment, ZoneInfo(time_zone))


def is_delivered(landing: Path, feed: str, night: date) -> bool:
    """True when at least one delivery of the night has its manifest, which is written last."""
    return any((landing / feed / night.isoformat()).glob("seq=*/manifest.json"))


def may_start(
    landing: Path, feeds: Mapping[str, Mapping[str, Any]], night: date, now: datetime, time_zone: str
) -> bool:
    """True when no delivery is awaited any more: each is there, or is optional and past its deadline.

    Raises:
        LandingError: a required feed is missing past its deadline.
    """
    waiting = False
    for feed, transport in feeds.items():
        if is_delivered(landing, feed, night):
            continue
        deadline = deadline_of(feed, transport, night, time_zone)
        if now < deadline:
            waiting = True
        elif transport.get("required"):
            raise LandingError(f"{feed} {night}: no manifest by its deadline {deadline:%Y-%m-%d %H:%M %Z}")
    return not waiting
