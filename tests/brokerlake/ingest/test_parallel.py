"""Tasks read at once: every item once, bounded, errors raised, threads gone."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from brokerlake.ingest.parallel import read_at_once


def count_up(first: int, fail_at: int | None = None):
    for number in range(first, first + 20):
        if number == fail_at:
            raise ValueError(f"broke at {number}")
        yield number


def ingest_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ingest-")]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_read_at_once__many_tasks__every_item_once(workers):
    tasks = [partial(count_up, first) for first in range(0, 200, 20)]
    assert sorted(read_at_once(tasks, workers=workers)) == list(range(200))
    assert ingest_threads() == []


@pytest.mark.parametrize("workers", [1, 3])
def test_read_at_once__a_task_fails__its_error_is_raised_and_threads_end(workers):
    tasks = [partial(count_up, first, 105) for first in range(0, 200, 20)]
    with pytest.raises(ValueError, match="broke at 105"):
        list(read_at_once(tasks, workers=workers, ahead=2))
    assert ingest_threads() == []


def test_read_at_once__left_early__threads_end():
    items = read_at_once([partial(count_up, 0), partial(count_up, 20)], workers=2, ahead=1)
    next(items)
    items.close()
    assert ingest_threads() == []


def test_read_at_once__no_tasks__no_items():
    assert list(read_at_once([], workers=2)) == []
