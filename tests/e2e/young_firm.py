"""A young firm of a few customers in a home of its own, for nights in other profiles than the test session's.

Their sessions need processes of their own: a process has one kind of Spark session.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from brokerlake.settings import Settings, load_settings, merge, read_yaml
from tests.conftest import PROJECT
from tests.e2e import cdnow

CUSTOMERS = 120
FIRST, SECOND = date(1997, 1, 1), date(1997, 1, 2)
NEVER = "0 0 29 2 *"
"""A schedule that starts no run of its own while a test is under way."""
SPARK = {
    "heap": "1g",
    "shuffle_partitions": 2,
    "jvm_options": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC",
}


def write_conf(folder: Path) -> Path:
    """The firm's configuration in a folder of its own, with Spark sized for tests in every profile."""
    shutil.copytree(PROJECT / "conf" / "young_firm", folder)
    base = merge(read_yaml(folder / "base.yaml"), {"airflow": {"evening": NEVER}})
    (folder / "base.yaml").write_text(yaml.safe_dump(base), encoding="utf-8")
    for profile in ("local", "standalone", "cluster"):
        lay_over(folder, profile, merge(read_yaml(PROJECT / "conf" / f"{profile}.yaml"), {"spark": SPARK}))
    return folder


def lay_over(conf: Path, profile: str, changed: Mapping[str, Any]) -> None:
    """Lay values over the profile's file."""
    path = conf / f"{profile}.yaml"
    values = merge(read_yaml(path), changed) if path.exists() else dict(changed)
    path.write_text(yaml.safe_dump(values), encoding="utf-8")


def make(home: Path, conf: Path, profile: str) -> Settings:
    """Settings of a new home with the firm's deliveries of its first two nights."""
    cdnow.write_landing(home / "landing", last=SECOND, customers=CUSTOMERS)
    return load_settings(home=home, profile=profile, conf=conf)


def variables(settings: Settings) -> dict[str, str]:
    """Environment of another process that works on the firm's lake."""
    return {
        **os.environ,
        "BROKERLAKE_HOME": str(settings.home),
        "BROKERLAKE_PROFILE": settings.profile,
        "BROKERLAKE_CONF": str(settings.conf_folder),
        "PYTHONPATH": str(PROJECT),
    }


def command(settings: Settings, *arguments: str, **more: str) -> str:
    """What a `brokerlake` command prints; fails the test when the command does."""
    called = [sys.executable, "-m", "brokerlake", *arguments]
    done = subprocess.run(
        called, cwd=PROJECT, env=variables(settings) | more, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout + done.stderr
