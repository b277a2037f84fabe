"""Rights on the lake's folders: clear identities and unchecked rows are closed to other accounts of the machine.

Rights are the fence for programs that ask no reader. Everything else (silver, gold, ops, reports) stays readable, so
that analysts can run the reader under accounts of their own.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from brokerlake.errors import ConfigurationError
from brokerlake.settings import Settings

OTHERS, ALL_BUT_OWNER = 0o007, 0o077
READABLE_UMASK = 0o022


def close_folders(settings: Settings) -> None:
    """Make the closed folders where they are missing, and close them where they are open; sets this process's umask.

    landing/ keeps the rights of its group, so that those who deliver can have one; all others are for the owner alone.
    Raises ConfigurationError when a folder is open and belongs to another account.
    """
    os.umask(READABLE_UMASK)
    _close(settings, settings.landing, OTHERS)
    for folder in (
        settings.vault,
        settings.private / "keys",
        settings.private / "spark",
        settings.lake / "bronze",
        settings.logs,
    ):
        _close(settings, folder, ALL_BUT_OWNER)
    for folder in (settings.lake / "ops" / "rejected", settings.home / "truth", settings.home / ".airflow"):
        if folder.exists():
            _close(settings, folder, ALL_BUT_OWNER)


def make_closed(folder: Path) -> None:
    """The folder with its parents, closed to every other account when it is new."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)


def _close(settings: Settings, folder: Path, bits: int) -> None:
    make_closed(folder)
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not mode & bits:
        return
    try:
        folder.chmod(mode & ~bits)
    except PermissionError as not_ours:
        name, who = folder.relative_to(settings.home), "o" if bits == OTHERS else "go"
        raise ConfigurationError(
            f"{name}: open to other accounts and owned by another; its owner must run chmod {who}-rwx on it"
        ) from not_ours
