"""A measured process, and the memory of its tree looked at from outside, so that looking costs it nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil

from benchmarks.prepare import PROJECT, BenchmarkError

LOOK_SECONDS = 0.25
LEAVE_SECONDS = 60
"""How long processes of the tree may take to end after their parent, as a JVM does that clears its scratch folder."""


@dataclass(frozen=True)
class Watched:
    """Resident bytes of a process tree over time: all processes summed, shared pages counted in each.

    A process counts from the second look on: until it runs a program of its own it shows the memory of its parent.

    Attributes:
        samples: (seconds since 1970, bytes).
    """

    samples: tuple[tuple[float, int], ...]

    def peak(self, began: float = 0.0, ended: float = float("inf")) -> int:
        """The most bytes seen between two moments; of a stretch between two looks, those of the look before it."""
        inside = [size for at, size in self.samples if began <= at <= ended]
        before = [size for at, size in self.samples if at < began][-1:]
        return max(inside or before, default=0)


def _tree(pid: int) -> list[psutil.Process]:
    try:
        me = psutil.Process(pid)
        return [me, *me.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _resident(tree: Iterable[psutil.Process]) -> int:
    total = 0
    for process in tree:
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


def _looks(process: subprocess.Popen[bytes], seen: set[psutil.Process]) -> Iterator[tuple[float, int]]:
    while process.poll() is None:
        tree = _tree(process.pid)
        yield time.time(), _resident(one for one in tree if one in seen or one.pid == process.pid)
        seen.update(tree)
        time.sleep(LOOK_SECONDS)


def run_watched(module: str, *arguments: str) -> Watched:
    """`python -m module …` until nothing of its tree is left; raises BenchmarkError when it fails."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=PROJECT, env=environment)
    seen: set[psutil.Process] = set()
    try:
        samples = tuple(_looks(process, seen))
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        psutil.wait_procs(seen, timeout=LEAVE_SECONDS)
    if process.returncode:
        raise BenchmarkError(f"benchmark: {module} {arguments[-1]} failed with exit code {process.returncode}")
    return Watched(samples)
