import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from brokerlake.synthetic.by_day import AHEAD, in_processes
from tests.brokerlake.synthetic.small_broker import contents, make

PARENT = """
import sys
from pathlib import Path
from brokerlake.synthetic.by_day import in_processes
from tests.brokerlake.synthetic.test_by_day import wait_with

if __name__ == "__main__":
    list(in_processes(wait_with, [sys.argv[1]] * 2, 2))
"""


def half(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def process_of(_: int) -> int:
    return os.getpid()


def wait_with(folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("processes", [1, 2])
def test_in_processes__several_items__come_in_order(processes):
    assert list(in_processes(half, range(0, 40, 2), processes)) == list(range(20))


@pytest.mark.parametrize("processes", [1, 2])
def test_in_processes__an_item_fails__in_its_place(processes):
    results = in_processes(half, [2, 4, 5, 6], processes)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(ValueError, match="5 is odd"):
        next(results)


def test_in_processes__two__neither_is_this_one():
    assert os.getpid() not in set(in_processes(process_of, range(8), 2))


def test_in_processes__nobody_takes_results__makes_a_bounded_number_of_items():
    made: list[int] = []
    results = in_processes(half, (made.append(n) or n for n in range(0, 200, 2)), 2)
    assert next(results) == 0
    assert len(made) == 2 * AHEAD
    results.close()


def test_in_processes__the_starting_process_is_killed__the_others_end(tmp_path):
    script, busy = tmp_path / "parent.py", tmp_path / "busy"
    script.write_text(PARENT)
    busy.mkdir()
    parent = subprocess.Popen([sys.executable, str(script), str(busy)], env={**os.environ, "PYTHONPATH": os.getcwd()})
    try:
        until = time.monotonic() + 60
        while len(list(busy.iterdir())) < 2:
            assert time.monotonic() < until, "two processes did not start within a minute"
            time.sleep(0.1)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    workers = [int(path.name) for path in busy.iterdir()]
    until = time.monotonic() + 20
    while any(map(is_alive, workers)):
        assert time.monotonic() < until, "a process outlived the one that started it"
        time.sleep(0.1)


def test_generate__two_processes__the_same_bytes(tmp_path):
    made = [make(tmp_path / str(processes), 0, 11, 60, processes=processes) for processes in (1, 2)]
    assert contents(made[0]) == contents(made[1])
