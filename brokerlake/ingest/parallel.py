"""Several iterators read by a few threads at once, their items in order of arrival, bounded in memory."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_WAIT_SECONDS = 0.2


class _Finished(Generic[T]):
    """End of one worker, with the error that ended it, if any."""

    def __init__(self, error: BaseException | None):
        self.error = error


def read_at_once(tasks: Sequence[Callable[[], Iterator[T]]], *, workers: int, ahead: int = 4) -> Iterator[T]:
    """Items of all tasks; at most `ahead` wait to be taken.

    The first error of a task ends everything and is raised here. Leaving the iterator early stops the threads.
    """
    if workers < 2 or len(tasks) < 2:
        for task in tasks:
            yield from task()
        return
    waiting: queue.Queue[Any] = queue.Queue(maxsize=ahead)
    pending: queue.SimpleQueue[Callable[[], Iterator[T]]] = queue.SimpleQueue()
    for task in tasks:
        pending.put(task)
    stop = threading.Event()
    threads = [
        threading.Thread(target=_work, args=(pending, waiting, stop), name=f"ingest-{n}", daemon=True)
        for n in range(min(workers, len(tasks)))
    ]
    for thread in threads:
        thread.start()
    try:
        running = len(threads)
        while running:
            item = waiting.get()
            if not isinstance(item, _Finished):
                yield item
                continue
            running -= 1
            if item.error is not None:
                raise item.error
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _work(
    pending: queue.SimpleQueue[Callable[[], Iterator[T]]], waiting: queue.Queue[Any], stop: threading.Event
) -> None:
    error: BaseException | None = None
    try:
        while not stop.is_set():
            try:
                task = pending.get_nowait()
            except queue.Empty:
                break
            for item in task():
                if not _put(waiting, item, stop):
                    return
    except BaseException as caught:
        error = caught
    _put(waiting, _Finished(error), stop)


def _put(waiting: queue.Queue[Any], item: Any, stop: threading.Event) -> bool:
    """Put the item once there is room; False when nobody takes any more."""
    while not stop.is_set():
        try:
            waiting.put(item, timeout=_WAIT_SECONDS)
        except queue.Full:
            continue
        return True
    return False
