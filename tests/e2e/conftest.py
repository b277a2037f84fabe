"""One small broker for all end-to-end tests of a worker: three nights loaded as a range, two more run one by one."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from brokerlake.lake import Lake
from brokerlake.settings import Settings
from tests.e2e import nights

NIGHTS = 5
RANGE = NIGHTS - 2
AFTER_RANGE, BEFORE_NIGHT = "after_range", "before_night"


@pytest.fixture(scope="session")
def broker(spark, test_settings, tmp_path_factory) -> tuple[Lake, list[date]]:
    """The lake after its nights, and their dates; read it, don't run anything on it that publishes."""
    lake = nights.open_scratch(tmp_path_factory.mktemp("broker"), test_settings)
    days = nights.make_broker(lake, NIGHTS)
    nights.backfill(lake, days[0], days[RANGE - 1])
    for night, stood in zip(days[RANGE:], (AFTER_RANGE, BEFORE_NIGHT), strict=True):
        shutil.copytree(lake.settings.home, lake.settings.home.parent / stood)
        nights.night(lake, night)
    return lake, days


def copy_of(lake: Lake, stood: str, home: Path, like: Settings) -> Lake:
    """A copy, to be run on, of the lake as it stood then."""
    shutil.copytree(lake.settings.home.parent / stood, home)
    return nights.open_scratch(home, like)


@pytest.fixture
def lake_after_range(broker, tmp_path, test_settings) -> Lake:
    """The lake before its last two nights."""
    return copy_of(broker[0], AFTER_RANGE, tmp_path / "home", test_settings)


@pytest.fixture
def lake_before_night(broker, tmp_path, test_settings) -> Lake:
    """The lake before its last night."""
    return copy_of(broker[0], BEFORE_NIGHT, tmp_path / "home", test_settings)
