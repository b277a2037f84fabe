"""F17: the disk is full. The last release stays readable, and after space was made one more run is equal."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from brokerlake.release.releases import read_releases
from tests.faults import small_lake
from tests.faults.damage import SEEDS, cause_of_night
from tests.faults.reading import described
from tests.faults.small_lake import SmallLake

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_lake")]
SEEDED = [SEEDS[0], *(pytest.param(seed, marks=pytest.mark.release) for seed in SEEDS[1:])]
KILOBYTE = 1024


class SmallDisk:
    """A file system in memory whose size can be set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mount("size=1g")

    def _mount(self, options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        subprocess.run(command, check=True, capture_output=True)

    def leave(self, kilobytes: int) -> None:
        """Only so much may still be written."""
        used = shutil.disk_usage(self.folder).used
        self._mount(f"remount,size={used // KILOBYTE + kilobytes}k")

    def empty_out(self) -> None:
        """Enough space again."""
        self._mount("remount,size=1g")


@pytest.fixture
def disk(tmp_path) -> Iterator[SmallDisk]:
    """Skipped where file systems may not be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        made = SmallDisk(folder)
    except (subprocess.CalledProcessError, FileNotFoundError, PermissionError):
        pytest.skip("no right to mount a file system here")
    try:
        yield made
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def without_room_check(small: SmallLake) -> SmallLake:
    """The lake whose nights begin on any disk, so that they meet its end in the middle."""
    conf = {**small.lake.settings.conf, "disk": {"free_times_landing": 0}}
    return replace(small, lake=replace(small.lake, settings=replace(small.lake.settings, conf=conf)))


@pytest.mark.parametrize("seed", SEEDED)
def test_night__on_a_full_disk__stops_and_is_finished_once_there_is_space(undisturbed, test_settings, disk, seed):
    draw = random.Random(seed)
    small = without_room_check(undisturbed.before.copy(disk.folder / "home", test_settings))
    served = described(small.lake.settings)
    free = draw.randint(50, 900)
    disk.leave(free)
    cause = cause_of_night(small, small.nights[0])
    print(f"seed {seed}: {free} KB: {cause}")
    assert described(small.lake.settings) == served
    assert cause.endswith(": no space left on the disk")
    assert cause.startswith(("silver.", "gold.", "trading_", "crm_", "ops."))
    disk.empty_out()
    small_lake.run_night(small.lake, small.nights[0])
    assert small_lake.content(small.lake) == undisturbed.after
    assert len(read_releases(small.lake.settings)) == 2
