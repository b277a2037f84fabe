"""Work that must end in time, done by threads that keep what they have opened from one piece of work to the next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class _Worker(Generic[T]):
    """A thread that does one piece of work after the other and does not keep the process alive."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[Callable[[], T]] = SimpleQueue()
        self._answers: SimpleQueue[Callable[[], T]] = SimpleQueue()
        threading.Thread(target=self._live, name="gate", daemon=True).start()

    def _live(self) -> None:
        while True:
            self._answers.put(_outcome(self._asked.get()))

    def do(self, work: Callable[[], T], seconds: float) -> Callable[[], T]:
        """A function that returns or raises what `work` did; raises Empty when it has not ended by then."""
        self._asked.put(work)
        return self._answers.get(timeout=seconds)


def _outcome(work: Callable[[], T]) -> Callable[[], T]:
    try:
        result = work()
    except BaseException as raised:
        error = raised

        def fail() -> T:
            raise error

        return fail
    return lambda: result


_idle: list[_Worker] = []


def within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns or raises, if it ends within `seconds`; else TimeoutError.

    A thread that does not end is left behind and ends with the process.
    """
    try:
        worker: _Worker[T] = _idle.pop()
    except IndexError:
        worker = _Worker()
    try:
        outcome = worker.do(work, seconds)
    except Empty:
        raise TimeoutError(f"not done within {seconds:g} s") from None
    _idle.append(worker)
    return outcome()
