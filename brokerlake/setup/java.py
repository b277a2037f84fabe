"""Java 17: found where JAVA_HOME, PATH or the usual folders have it, else installed where apt may do that."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from brokerlake.setup.progress import SetupError, run_logged

WANTED = 17
PACKAGE = "openjdk-17-jre-headless"
RECORD = "java_home"
COMMON_FOLDERS = (
    "/usr/lib/jvm/*17*",
    "/usr/java/*17*",
    "/opt/java/*17*",
    "/Library/Java/JavaVirtualMachines/*17*/Contents/Home",
    "/opt/homebrew/opt/openjdk@17",
    "/usr/local/opt/openjdk@17",
    "~/.sdkman/candidates/java/17*",
    "~/.jdks/*17*",
)
REMEDY = f"install a Java {WANTED} runtime (Debian, Ubuntu: apt-get install {PACKAGE}) or set JAVA_HOME to one"


def version_of(home: Path) -> tuple[int, str] | None:
    """(major version, the runtime's full version text), or None when there is no working Java in `home`."""
    program = home / "bin" / "java"
    if not program.exists():
        return None
    try:
        told = subprocess.run([str(program), "-version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(\d+)', told.stderr)
    return (int(found.group(1)), told.stderr.strip()) if told.returncode == 0 and found else None


def candidates(tools: Path) -> Iterator[Path]:
    """Folders that may hold a Java, best first: JAVA_HOME, the one recorded by setup, PATH, the usual places."""
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    record = tools / RECORD
    if record.exists():
        yield Path(record.read_text(encoding="utf-8").strip())
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    for pattern in COMMON_FOLDERS:
        place = Path(pattern).expanduser()
        anchor = Path(place.anchor)
        yield from sorted(anchor.glob(str(place.relative_to(anchor))))


def find_java(tools: Path) -> Path | None:
    """Home of the first Java 17, or None."""
    for home in candidates(tools):
        version = version_of(home)
        if version and version[0] == WANTED:
            return home
    return None


def may_install() -> bool:
    """True where apt is there and this user may use it."""
    return shutil.which("apt-get") is not None and hasattr(os, "geteuid") and os.geteuid() == 0


def apt_install(package: str, log: Path) -> None:
    """Install a Debian package; refreshes the package list when the first try finds nothing.

    Raises:
        SetupError: apt could not install it.
    """
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", package]
    try:
        run_logged(f"apt-get install {package}", install, log, quiet)
    except SetupError:
        run_logged("apt-get update", ["apt-get", "update"], log, quiet)
        run_logged(f"apt-get install {package}", install, log, quiet)


def ensure_java(tools: Path, log: Path) -> Path:
    """Home of a Java 17, installed if need be and recorded for later sessions.

    Raises:
        SetupError: there is none and apt may not install it.
    """
    home = find_java(tools)
    if home is None and may_install():
        apt_install(PACKAGE, log)
        home = find_java(tools)
    if home is None:
        raise SetupError(f"Java {WANTED} was not found: {REMEDY}")
    tools.mkdir(parents=True, exist_ok=True)
    (tools / RECORD).write_text(f"{home}\n", encoding="utf-8")
    return home
