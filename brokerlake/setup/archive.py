"""The class-data archive: Spark's classes, loaded once and kept, so that later sessions start in fewer seconds."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from brokerlake.setup.java import version_of
from brokerlake.setup.progress import run_logged

ARCHIVE = "classes.jsa"
STAMP = "classes.stamp"


def fingerprint(java: Path, folders: list[Path]) -> str:
    """What an archive is valid for: the Java runtime and the jars on the class path (name, size, order)."""
    parts = [str(version_of(java))]
    for folder in folders:
        parts += [f"{path}:{path.stat().st_size}" for path in sorted(folder.glob("*.jar"))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def is_current(tools: Path, wanted: str) -> bool:
    """True when there is an archive and it was made for `wanted`."""
    stamp = tools / STAMP
    return (tools / ARCHIVE).exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted


def ensure_archive(project: Path, python: Path, java: Path, spark_jars: Path, log: Path) -> None:
    """The archive for this Java and these jars, made by a small job that does what a night does.

    Raises:
        SetupError: the job failed; no archive is left behind, and sessions start without one.
    """
    tools = project / ".brokerlake"
    wanted = fingerprint(java, [spark_jars, tools / "jars"])
    if is_current(tools, wanted):
        return
    for old in (tools / ARCHIVE, tools / STAMP):
        old.unlink(missing_ok=True)
    draft = tools / "classes.draft.jsa"
    draft.unlink(missing_ok=True)
    command = [str(python), "-m", "brokerlake.setup.warm_up", str(draft)]
    run_logged("building the class-data archive", command, log, {"JAVA_HOME": str(java)}, cwd=project)
    os.replace(draft, tools / ARCHIVE)
    (tools / STAMP).write_text(wanted, encoding="utf-8")
