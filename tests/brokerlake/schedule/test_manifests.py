from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from brokerlake.errors import ConfigurationError, LandingError
from brokerlake.schedule.manifests import deadline_of, is_delivered, may_start

ZONE = "Asia/Shanghai"
NIGHT = date(2024, 10, 25)
FEEDS = {
    "fills": {"required": True, "deadline": "21:00"},
    "clicks": {"required": False, "deadline": "22:00"},
}


def at(hour: int, minute: int = 0, days: int = 0) -> datetime:
    return datetime(2024, 10, 25, hour, minute, tzinfo=ZoneInfo(ZONE)) + timedelta(days=days)


def deliver(landing: Path, *feeds: str) -> None:
    for feed in feeds:
        folder = landing / feed / NIGHT.isoformat() / "seq=1"
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")


def test_may_start__everything_there__at_once(tmp_path):
    deliver(tmp_path, "fills", "clicks")
    assert may_start(tmp_path, FEEDS, NIGHT, at(18), ZONE)


def test_may_start__required_feed_not_there_yet__waits(tmp_path):
    deliver(tmp_path, "clicks")
    assert not may_start(tmp_path, FEEDS, NIGHT, at(20, 59), ZONE)


def test_may_start__required_feed_missing_at_its_deadline__fails_naming_it(tmp_path):
    with pytest.raises(LandingError, match="fills 2024-10-25: no manifest by its deadline 2024-10-25 21:00"):
        may_start(tmp_path, FEEDS, NIGHT, at(21), ZONE)


def test_may_start__optional_feed__waited_for_until_its_deadline_only(tmp_path):
    deliver(tmp_path, "fills")
    assert not may_start(tmp_path, FEEDS, NIGHT, at(21, 30), ZONE)
    assert may_start(tmp_path, FEEDS, NIGHT, at(22), ZONE)


def test_may_start__past_night__never_waits(tmp_path):
    deliver(tmp_path, "fills")
    assert may_start(tmp_path, FEEDS, NIGHT, at(9, days=30), ZONE)


def test_is_delivered__data_without_manifest__not_yet(tmp_path):
    folder = tmp_path / "fills" / NIGHT.isoformat() / "seq=1"
    folder.mkdir(parents=True)
    (folder / "fills.csv").write_text("a\n")
    assert not is_delivered(tmp_path, "fills", NIGHT)


def test_deadline_of__before_noon__the_morning_after():
    assert deadline_of("fills", {"deadline": "06:30"}, NIGHT, ZONE) == at(6, 30, days=1)


def test_deadline_of__no_time__names_the_feed():
    with pytest.raises(ConfigurationError, match="fills: deadline 'late'"):
        deadline_of("fills", {"deadline": "late"}, NIGHT, ZONE)
