"""Nights and readers as processes of their own, so that they can be killed, or live under another clock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from brokerlake.tables import ops
from tests.conftest import PROJECT
from tests.faults.extracts import CONF
from tests.faults.reading import SIGNAL, described
from tests.faults.small_lake import SmallLake

LONGEST_SECONDS = 540


def environment(small: SmallLake) -> dict[str, str]:
    """Variables under which a process of brokerlake works on this lake."""
    named = {"BROKERLAKE_HOME": str(small.home), "BROKERLAKE_CONF": str(CONF), "PYTHONPATH": str(PROJECT)}
    return {**os.environ, **named}


class NightProcess:
    """A process that runs a night; `output` is all it has said."""

    def __init__(self, small: SmallLake, night, log: Path, arguments: Sequence[str] = (), **variables: str) -> None:
        self.small, self.run_id, self.log = small, f"nightly:{night}", log
        script = list(arguments) or ["-m", "brokerlake"]
        command = [sys.executable, *script, "nightly", "--date", str(night)]
        self._before = self._passed()
        with log.open("w") as out:
            self.process = subprocess.Popen(
                command, env={**environment(small), **variables}, cwd=PROJECT, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def _passed(self) -> int:
        rows = ops.read_ops(self.small.lake.settings, "ledger", ["run_id", "verdict"]).to_pylist()
        return sum(row == {"run_id": self.run_id, "verdict": "passed"} for row in rows)

    def wait_for_steps(self, least: int) -> None:
        """Until it has passed so many steps more than were passed when it began."""
        for _ in range(LONGEST_SECONDS * 5):
            if self._passed() - self._before >= least:
                return
            assert self.process.poll() is None, f"the night ended before it could be disturbed: {self.output[-2000:]}"
            time.sleep(0.2)
        raise AssertionError(f"the night passed no {least} steps in time: {self.output[-2000:]}")

    def wait(self) -> int:
        """Its exit code."""
        return self.process.wait(timeout=LONGEST_SECONDS)

    def end(self, by: int) -> None:
        """Send the signal to the process and all it has started, and wait for its end."""
        os.killpg(self.process.pid, by)
        self.process.wait(timeout=LONGEST_SECONDS)

    def java(self) -> psutil.Process:
        """Its Java virtual machine."""
        for _ in range(LONGEST_SECONDS * 5):
            children = psutil.Process(self.process.pid).children(recursive=True)
            found = [child for child in children if child.name() == "java"]
            if found:
                return found[0]
            time.sleep(0.2)
        raise AssertionError("the night has no Java virtual machine")


@contextmanager
def polled(small: SmallLake, log: Path) -> Iterator[None]:
    """A reader asks for all public tables again and again inside the block; what it saw must be whole releases."""
    with log.open("w") as out:
        command = [sys.executable, "-m", "tests.faults.reading", str(small.home)]
        reader = subprocess.Popen(command, env=environment(small), cwd=PROJECT, stdout=out, stderr=subprocess.STDOUT)
    try:
        for _ in range(600):
            if log.read_text().count("\n") >= 1:
                break
            time.sleep(0.2)
        yield
        time.sleep(1)
    finally:
        reader.send_signal(SIGNAL)
        reader.wait(timeout=120)
    assert_whole_releases(small, log.read_text().splitlines())


def assert_whole_releases(small: SmallLake, lines: Sequence[str]) -> None:
    """Each poll saw one release as it is, none failed, and the release never went back."""
    polls: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert len(polls) >= 3, "the reader has hardly read"
    assert [poll for poll in polls if "error" in poll] == []
    numbers = [poll["number"] for poll in polls]
    assert numbers == sorted(numbers), "the release went back"
    whole = {number: described(small.lake.settings, number) for number in set(numbers)}
    assert [poll for poll in polls if poll != whole[poll["number"]]] == []
    print(f"{len(polls)} polls of releases {sorted(set(numbers))}")


KILL, TERMINATE = signal.SIGKILL, signal.SIGTERM
