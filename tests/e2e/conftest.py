"""One small broker for all end-to-end tests of a worker: four nights loaded as a range, a fifth run as a night."""

from __future__ import annotations

import shutil
from datetime import date

import pytest

from brokerlake.lake import Lake
from tests.e2e import nights

RANGE, NIGHTS = 4, 5


@pytest.fixture(scope="session")
def broker(spark, test_settings, tmp_path_factory) -> tuple[Lake, list[date]]:
    """The lake after its nights, and their dates; read it, don't run anything on it that publishes."""
    lake = nights.open_scratch(tmp_path_factory.mktemp("broker"), test_settings)
    days = nights.make_broker(lake, NIGHTS)
    nights.backfill(lake, days[0], days[RANGE - 1])
    shutil.copytree(lake.settings.home, lake.settings.home.parent / "before_night")
    nights.night(lake, days[-1])
    return lake, days


@pytest.fixture
def lake_before_night(broker, tmp_path, test_settings) -> Lake:
    """A copy of the lake as it stood before the last night."""
    home = tmp_path / "home"
    shutil.copytree(broker[0].settings.home.parent / "before_night", home)
    return nights.open_scratch(home, test_settings)
