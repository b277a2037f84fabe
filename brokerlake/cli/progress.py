"""Progress of long work: a line when something happens, a sign of life at least every eight seconds."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TextIO

from brokerlake.under_way import UnderWay

BEAT_SECONDS = 8.0
MOST_CHARACTERS = 100


class Progress:
    """Call it with a line of text; as a context manager it beats while nothing is said.

    A beat names what is under way, else `idle`, else the line said last.
    """

    def __init__(self, out: TextIO | None = None, beat: float = BEAT_SECONDS, idle: str | None = None) -> None:
        self._out = out or sys.stdout
        self._beat = beat
        self._began = time.monotonic()
        self._said = self._began
        self._last = "working"
        self._idle = idle
        self._under_way = UnderWay()
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._live, name="progress", daemon=True)

    def __call__(self, text: str) -> None:
        """Print the line with the seconds since the beginning; one that only says what began or ended is kept."""
        with self._lock:
            if self._under_way.hear(text, time.monotonic()):
                self._last = text
                self._print(text)

    def _print(self, text: str) -> None:
        self._said = time.monotonic()
        self._out.write(f"{self._said - self._began:6.0f} s  {text}\n")
        self._out.flush()

    def _live(self) -> None:
        while not self._done.wait(self._beat / 4):
            with self._lock:
                if time.monotonic() - self._said >= self._beat * 0.75:
                    doing = self._under_way.text(time.monotonic()) or self._idle or self._last
                    self._print(f"... still at it: {doing[:MOST_CHARACTERS]}")

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()


@contextmanager
def noise_to(log: Path) -> Iterator[None]:
    """Send what this process and its JVM write to standard error into a log file, at the level of the descriptor."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    kept = os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def long_work(logs: Path, name: str) -> Iterator[Progress]:
    """Progress on the screen, everything else in logs/<name>.log."""
    with Progress() as progress, noise_to(logs / f"{name}.log"):
        yield progress
