"""The jars of jars.lock: resolved once by the Ivy that Spark ships, verified, kept under .brokerlake/jars."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from brokerlake.setup.progress import SetupError, run_logged

REPOSITORY_VARIABLE = "DEFAULT_ARTIFACT_REPOSITORY"
"""Spark's own variable for a house mirror; without it Ivy's built-in Maven Central is asked."""


@dataclass(frozen=True)
class Jar:
    """One line of jars.lock."""

    organisation: str
    module: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The file's name in .brokerlake/jars."""
        return f"{self.module}-{self.version}.jar"


def read_lock(path: Path) -> list[Jar]:
    """The jars of the lock file.

    Raises:
        SetupError: a line is not `group:artifact:version sha256`.
    """
    jars = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        found = re.fullmatch(r"([\w.\-]+):([\w.\-]+):([\w.\-]+)\s+([0-9a-f]{64})", text)
        if not found:
            raise SetupError(f"{path.name} line {number}: not `group:artifact:version sha256`")
        jars.append(Jar(*found.groups()))
    return jars


def sha256_of(path: Path) -> str:
    """The file's sha256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def faults(jars: list[Jar], folder: Path) -> list[str]:
    """What is wrong with the jars in `folder`, one sentence each; empty when all are there and right."""
    found = []
    for jar in jars:
        path = folder / jar.file_name
        if not path.exists():
            found.append(f"{jar.file_name} is missing")
        elif sha256_of(path) != jar.sha256:
            found.append(f"{jar.file_name} is not the file jars.lock names (sha256 differs)")
    known = {jar.file_name for jar in jars}
    found += [f"{path.name} is not in jars.lock" for path in folder.glob("*.jar") if path.name not in known]
    return found


def ivy_settings(cache: Path, repository: str | None) -> str:
    """Ivy settings with one Maven resolver and a cache of its own.

    The local Maven cache is left out on purpose: a partial one makes Ivy report files as not found.
    """
    root = f" root={quoteattr(repository.rstrip('/') + '/')}" if repository else ""
    return (
        '<ivysettings><settings defaultResolver="maven"/>'
        f"<caches defaultCacheDir={quoteattr(str(cache))}/>"
        f'<resolvers><ibiblio name="maven" m2compatible="true"{root}/></resolvers></ivysettings>\n'
    )


def _fetch(jar: Jar, java: Path, spark_jars: Path, ivy: Path, log: Path) -> Path:
    settings = ivy / "settings.xml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(ivy_settings(ivy / "cache", os.environ.get(REPOSITORY_VARIABLE)), encoding="utf-8")
    pattern = str(ivy / "fetched" / "[artifact]-[revision].[ext]")
    command = [str(java / "bin" / "java"), "-cp", str(spark_jars / "*"), "org.apache.ivy.Main"]
    command += ["-settings", str(settings), "-dependency", jar.organisation, jar.module, jar.version]
    command += ["-notransitive", "-types", "jar", "-retrieve", pattern]
    run_logged(f"fetching {jar.file_name}", command, log)
    return ivy / "fetched" / jar.file_name


def ensure_jars(lock: Path, tools: Path, java: Path, spark_jars: Path, log: Path) -> None:
    """All jars of the lock in `tools`/jars, verified; fetches only what is missing or wrong.

    Raises:
        SetupError: a jar could not be had, or is not what the lock says; such a file is not kept.
    """
    jars, folder, ivy = read_lock(lock), tools / "jars", tools / "ivy"
    folder.mkdir(parents=True, exist_ok=True)
    for stray in {path.name for path in folder.glob("*.jar")} - {jar.file_name for jar in jars}:
        (folder / stray).unlink()
    for jar in jars:
        kept = folder / jar.file_name
        if kept.exists() and sha256_of(kept) == jar.sha256:
            continue
        fetched = _fetch(jar, java, spark_jars, ivy, log)
        if not fetched.exists():
            raise SetupError(f"{jar.file_name}: no repository has it; see {log}")
        if sha256_of(fetched) != jar.sha256:
            fetched.unlink()
            raise SetupError(f"{jar.file_name}: the fetched file is not the one jars.lock names (sha256 differs)")
        os.replace(fetched, kept)
    shutil.rmtree(ivy, ignore_errors=True)
