"""Room on the disk before a night begins: what it lands comes back as bronze, silver, gold and scratch files."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from brokerlake.errors import ConfigurationError, DiskError
from brokerlake.landing.deliveries import Delivery
from brokerlake.settings import Settings

GIB = 2**30


def times_landing(settings: Settings) -> float:
    """Free bytes a night needs per landing byte: `disk.free_times_landing` of conf/base.yaml.

    Raises ConfigurationError when that is no number of at least 0.
    """
    stated = (settings.conf.get("disk") or {}).get("free_times_landing", 3)
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not stated >= 0:
        raise ConfigurationError("conf: disk.free_times_landing must be a number of at least 0")
    return float(stated)


def free_bytes(settings: Settings) -> int:
    """Bytes free for this account on the file system that holds the lake."""
    folder: Path = settings.lake
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def refuse_without_room(settings: Settings, deliveries: Iterable[Delivery]) -> None:
    """Raises DiskError when less is free than so many times the bytes of these deliveries."""
    landing = sum(file.bytes for delivery in deliveries for file in delivery.files)
    factor, free = times_landing(settings), free_bytes(settings)
    if free < factor * landing:
        raise DiskError(
            f"landing: disk_space: {free / GIB:.2f} GiB free for the lake, {factor * landing / GIB:.2f} GiB needed "
            f"({factor:g} times the {landing / GIB:.2f} GiB landed); make room and run the night again"
        )
