"""Steps a person watches: one line when a step begins, a sign of life every eight seconds, the log in a file."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

BEAT_SECONDS = 8.0
TAIL_BYTES = 4096
_SAY = threading.Lock()


class SetupError(Exception):
    """A step could not be done; the message is one sentence with a remedy."""


def say(line: str) -> None:
    """Print one line at once, whole, also from several threads."""
    with _SAY:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def last_line(log: Path) -> str:
    """The last non-empty line of a log file, cut to 80 characters; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            lines = file.read().decode("utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:80] for line in reversed(lines) if line.strip()), "")


@contextmanager
def step(title: str):
    """Announce a step and say how long it took; the time is wall seconds."""
    began = time.monotonic()
    say(f"{title} ...")
    yield
    say(f"{title}: done in {time.monotonic() - began:.0f} s")


def run_logged(
    title: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> None:
    """Run a command with its output appended to `log`, saying every eight seconds that it lives.

    Raises:
        SetupError: it exited non-zero; names the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with log.open("ab") as file:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=cwd,
        )
        code, shown = None, ""
        while code is None:
            try:
                code = process.wait(timeout=BEAT_SECONDS)
            except subprocess.TimeoutExpired:
                line = last_line(log)
                say(f"  {title}: {time.monotonic() - began:.0f} s" + (f"  {line}" if line != shown else ""))
                shown = line
    if code != 0:
        raise SetupError(f"{title}: failed ({last_line(log)}); the whole output is in {log}")
