"""One function over the days of a range, in this process or in a few, results in order."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 4
"""Items a process may have waiting."""


def in_processes(work: Callable[[T], R], items: Iterable[T], processes: int) -> Iterator[R]:
    """`work` of each item, in order; with more than one process `items` are made here while others work on them.

    A bounded number of items waits, so memory does not depend on how many there are. The first error of an item is
    raised in its place. `work` must be picklable; it goes to each process once.
    """
    if processes < 2:
        yield from map(work, items)
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (work,)) as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(_work, item))
                if len(waiting) >= AHEAD * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_task: list[Callable[..., Any]] = []


def _begin(work: Callable[..., Any]) -> None:
    """Keep the work of this process, which ends with the one that started it, however that ends."""
    _task.append(work)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(item: Any) -> Any:
    return _task[0](item)
