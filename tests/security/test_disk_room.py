"""A night refuses to begin with less free disk than three times its landing bytes, by the file system's own numbers."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from brokerlake import doctor
from brokerlake.errors import ConfigurationError, DiskError, LandingError
from brokerlake.lake import Lake, open_lake
from brokerlake.landing.room import times_landing
from brokerlake.run.nightly import run_group
from brokerlake.settings import load_settings
from tests.brokerlake.landing.hand_over import hand_over
from tests.conftest import PROJECT

NIGHT = date(1997, 1, 6)
FEED = "trading_executions"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(load_settings(home=tmp_path, profile="local", conf=PROJECT / "conf" / "young_firm"))


def deliver(lake: Lake, stated_bytes: int | None = None) -> None:
    """One delivery of the only required feed; its manifest may state another size."""
    folder = hand_over(lake.settings.landing, FEED, NIGHT, [])
    if stated_bytes is not None:
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["files"][0]["bytes"] = stated_bytes
        (folder / "manifest.json").write_text(json.dumps(manifest))


def test_landing__half_of_the_free_disk__refused_in_one_line_and_nothing_taken(lake):
    deliver(lake, shutil.disk_usage(lake.settings.home).free // 2)
    with pytest.raises(DiskError) as caught:
        run_group(lake, "landing", NIGHT, lambda text: None)
    line = str(caught.value)
    assert line.startswith("landing: disk_space: ") and "3 times" in line and "\n" not in line
    assert not (lake.settings.lake / "ops" / "manifests").exists()


def test_landing__a_fifth_of_the_free_disk__goes_on_to_the_files(lake):
    deliver(lake, shutil.disk_usage(lake.settings.home).free // 5)
    with pytest.raises(LandingError, match="bytes: expected"):
        run_group(lake, "landing", NIGHT, lambda text: None)


def test_landing__small_delivery__taken(lake):
    deliver(lake)
    run_group(lake, "landing", NIGHT, lambda text: None)
    assert (lake.settings.lake / "ops" / "manifests").exists()


@pytest.mark.parametrize("stated", [-1, "3", True, None, [3], float("nan")])
def test_times_landing__no_number_of_at_least_0__refused(lake, stated):
    lake.settings.conf["disk"] = {"free_times_landing": stated}  # type: ignore[index]
    with pytest.raises(ConfigurationError, match="free_times_landing must be a number"):
        times_landing(lake.settings)


def test_doctor__newest_day_needs_more_than_is_free__fails_with_a_remedy(lake):
    deliver(lake)
    assert doctor.check_disk(lake.settings).is_good
    data = lake.settings.landing / FEED / str(NIGHT) / "seq=1" / f"{FEED}.txt"
    size = shutil.disk_usage(lake.settings.home).free // 2
    with data.open("ab") as file:
        file.truncate(size)  # a hole: it takes no room itself
    finding = doctor.check_disk(lake.settings)
    assert not finding.is_good and f"make room for {3 * size / 2**30:.0f} GiB" in finding.line
