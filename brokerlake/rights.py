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
    for folder, bits in _always(settings):
        make_closed(folder)
        _close(settings, folder, bits)
    for folder, bits in _where_there(settings):
        if folder.exists():
            _close(settings, folder, bits)


def open_folders(settings: Settings) -> list[str]:
    """Folders, relative to the home, that should be closed and are not."""
    both = [*_always(settings), *_where_there(settings)]
    return [str(folder.relative_to(settings.home)) for folder, bits in both if folder.exists() and _mode(folder) & bits]


def _always(settings: Settings) -> list[tuple[Path, int]]:
    """Folders a run makes, each with the rights that others must not have."""
    own = [
        settings.vault,
        settings.private / "keys",
        settings.private / "spark",
        settings.lake / "bronze",
        settings.logs,
    ]
    return [(settings.landing, OTHERS), *((folder, ALL_BUT_OWNER) for folder in own)]


def _where_there(settings: Settings) -> list[tuple[Path, int]]:
    own = (settings.lake / "ops" / "rejected", settings.home / "truth", settings.home / ".airflow")
    return [(folder, ALL_BUT_OWNER) for folder in own]


def _mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def make_closed(folder: Path) -> None:
    """The folder with its parents, closed to every other account when it is new."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)


def _close(settings: Settings, folder: Path, bits: int) -> None:
    mode = _mode(folder)
    if not mode & bits:
        return
    try:
        folder.chmod(mode & ~bits)
    except PermissionError as not_ours:
        name, who = folder.relative_to(settings.home), "o" if bits == OTHERS else "go"
        raise ConfigurationError(
            f"{name}: open to other accounts and owned by another; its owner must run chmod {who}-rwx on it"
        ) from not_ours
