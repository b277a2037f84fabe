"""The eyes of another account of this machine: what it can read below a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NOBODY = 65534
CLOSED = (
    "landing",
    "vault",
    "truth",
    ".brokerlake/keys",
    ".brokerlake/spark",
    "lake/bronze",
    "lake/ops/rejected",
    "logs",
)
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("find") is None, reason="only root can look with the eyes of another account"
)


def is_closed(name: str) -> bool:
    """True for a file, relative to the home, that only the pipeline's account may read."""
    return any(name.startswith(f"{folder}/") for folder in CLOSED)


def seen_by_another(folder: Path) -> set[str]:
    """Files below the folder that the account with user and group number 65534 can read, relative to it."""
    found = subprocess.run(
        ["find", str(folder), "-type", "f", "-readable"],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
    )
    return {str(Path(line).relative_to(folder)) for line in found.stdout.splitlines()}
