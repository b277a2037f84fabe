"""The small lake in other profiles than the test session's: its configuration, and commands in processes of their own.

A process has one kind of Spark session, so a night over Spark Connect needs another process than a classic one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from brokerlake.settings import Settings, load_settings, merge, read_yaml
from tests.conftest import PROJECT
from tests.faults.extracts import CONF

SPARK = {
    "heap": "1g",
    "shuffle_partitions": 2,
    "jvm_options": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC",
}


def write_conf(folder: Path) -> Path:
    """The small catalogue's configuration in a folder of its own: Spark sized for tests, no schedule of its own."""
    shutil.copytree(CONF, folder)
    base = merge(read_yaml(folder / "base.yaml"), {"airflow": {"evening": None}})
    (folder / "base.yaml").write_text(yaml.safe_dump(base), encoding="utf-8")
    for profile in ("local", "standalone", "cluster"):
        values = merge(read_yaml(PROJECT / "conf" / f"{profile}.yaml"), {"spark": SPARK})
        (folder / f"{profile}.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return folder


def copy_to(home: Path, of: Path, conf: Path, profile: str) -> Settings:
    """A lake's home copied to another place, in another profile."""
    shutil.copytree(of, home)
    return load_settings(home=home, profile=profile, conf=conf)


def command(settings: Settings, *arguments: str, **more: str) -> str:
    """What a `brokerlake` command in a process of its own prints; fails the test when the command does."""
    variables = {
        **os.environ,
        "BROKERLAKE_HOME": str(settings.home),
        "BROKERLAKE_PROFILE": settings.profile,
        "BROKERLAKE_CONF": str(settings.conf_folder),
        "PYTHONPATH": str(PROJECT),
        **more,
    }
    called = [sys.executable, "-m", "brokerlake", *arguments]
    done = subprocess.run(called, cwd=PROJECT, env=variables, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout + done.stderr
