"""CPU seconds by step: what the process tree burns is shared equally among the steps under way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import psutil


@dataclass(eq=False)
class Spent:
    """CPU and wall seconds of one step; `gate_cpu_seconds` is the part of the CPU that its checks took."""

    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    gate_cpu_seconds: float = 0.0
    is_in_gate: bool = False


def tree_cpu_seconds() -> float:
    """User and system seconds of this process and every living descendant."""
    total = 0.0
    me = psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


class Meter:
    """Shares the CPU of the process tree among the steps that run at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: list[Spent] = []
        self._last = tree_cpu_seconds()

    def _settle(self) -> None:
        now = tree_cpu_seconds()
        for spent in self._running:
            share = max(0.0, now - self._last) / len(self._running)
            spent.cpu_seconds += share
            spent.gate_cpu_seconds += share if spent.is_in_gate else 0.0
        self._last = now

    @contextmanager
    def step(self) -> Iterator[Spent]:
        """Measures the block; the numbers are final when it ends."""
        spent, began = Spent(), perf_counter()
        with self._lock:
            self._settle()
            self._running.append(spent)
        try:
            yield spent
        finally:
            with self._lock:
                self._settle()
                self._running.remove(spent)
            spent.wall_seconds = perf_counter() - began

    @contextmanager
    def gate(self, spent: Spent) -> Iterator[None]:
        """Counts what the block of a step under way takes as its gate."""
        self._turn(spent, is_in_gate=True)
        try:
            yield
        finally:
            self._turn(spent, is_in_gate=False)

    def _turn(self, spent: Spent, *, is_in_gate: bool) -> None:
        with self._lock:
            self._settle()
            spent.is_in_gate = is_in_gate
