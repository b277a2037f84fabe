"""A measured process, and the memory of its tree looked at from outside, so that looking costs it nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from benchmarks.prepare import PROJECT, BenchmarkError

LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Watched:
    """Resident bytes of a process tree over time: all processes summed, shared pages counted in each.

    Attributes:
        samples: (seconds since 1970, bytes).
    """

    samples: tuple[tuple[float, int], ...]

    def peak(self, began: float = 0.0, ended: float = float("inf")) -> int:
        """The most bytes seen between two moments; of a stretch between two looks, those of the look before it."""
        inside = [size for at, size in self.samples if began <= at <= ended]
        before = [size for at, size in self.samples if at < began][-1:]
        return max(inside or before, default=0)


def _resident(pid: int) -> int:
    total = 0
    try:
        me = psutil.Process(pid)
        tree = [me, *me.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in tree:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def _looks(process: subprocess.Popen[bytes]) -> Iterator[tuple[float, int]]:
    while process.poll() is None:
        yield time.time(), _resident(process.pid)
        time.sleep(LOOK_SECONDS)


def run_watched(module: str, *arguments: str) -> Watched:
    """`python -m module …` to its end; raises BenchmarkError when it fails."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=PROJECT, env=environment)
    try:
        samples = tuple(_looks(process))
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode:
        raise BenchmarkError(f"benchmark: {module} {arguments[-1]} failed with exit code {process.returncode}")
    return Watched(samples)
