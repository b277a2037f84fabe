"""Work with a time limit: its outcome comes through, and what hangs is left behind."""

from __future__ import annotations

import threading

import pytest

from brokerlake.quality.time_limit import within


def test_within__done_in_time__gives_its_result_or_raises_its_error():
    assert within(10, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(10, lambda: 1 // 0)


def test_within__work_after_work__is_done_by_the_same_thread():
    first, second = (within(10, threading.get_ident) for _ in range(2))
    assert first == second != threading.get_ident()


def test_within__not_done_in_time__is_a_timeout_and_the_next_work_is_not_held_up():
    release = threading.Event()
    with pytest.raises(TimeoutError, match="not done within 0.05 s"):
        within(0.05, release.wait)
    assert within(10, lambda: "next") == "next"
    release.set()
