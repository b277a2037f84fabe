"""The lease: one run at a time, its signs of life, takeover, and real processes that race for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from brokerlake.errors import LeaseError, PlanError
from brokerlake.lease import WHOLE, break_lease, describe_lease, hold, read_lease
from brokerlake.settings import Settings, load_settings
from tests.conftest import PROJECT

NIGHT, OTHER = "nightly:2024-10-25", "backfill:2024-10-01:2024-10-24"
HOLDER = """
import sys, time
from dataclasses import replace
from pathlib import Path
from brokerlake.lease import hold
from brokerlake.settings import load_settings
home, run_id, task, seconds, beat, minutes = sys.argv[1:]
settings = load_settings(home=Path(home))
lease = {"beat_seconds": float(beat), "timeout_minutes": float(minutes)}
settings = replace(settings, conf={**settings.conf, "lease": lease})
with hold(settings, run_id, task) as lease:
    print(lease.epoch, flush=True)
    time.sleep(float(seconds))
"""


def settings_of(home: Path, beat_seconds: float = 20, timeout_seconds: float = 1800) -> Settings:
    settings = load_settings(home=home)
    lease = {"beat_seconds": beat_seconds, "timeout_minutes": timeout_seconds / 60}
    return replace(settings, conf={**settings.conf, "lease": lease})


@pytest.fixture
def start(tmp_path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a process that holds the lease; returns when it has it."""
    running: list[subprocess.Popen[str]] = []

    def started(run_id: str, task: str = WHOLE, beat: float = 20, minutes: float = 30) -> subprocess.Popen[str]:
        arguments = [str(tmp_path), run_id, task, "60", str(beat), str(minutes)]
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, *arguments], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )
        running.append(process)
        assert process.stdout is not None and process.stdout.readline().strip().isdigit()
        return process

    yield started
    for process in running:
        process.kill()
        process.wait()


def kill(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_hold__free_lake__takes_the_next_epoch_and_gives_it_back(tmp_path):
    settings = settings_of(tmp_path)
    for epoch in (1, 2):
        with hold(settings, NIGHT) as lease:
            assert lease.epoch == epoch
            assert read_lease(settings).run_id == NIGHT
            lease.check()
        assert read_lease(settings).run_id is None


def test_hold__another_run_at_work__is_refused_within_ten_seconds_and_names_it(tmp_path, start):
    process = start(OTHER)
    began = time.monotonic()
    cause = rf"held by {OTHER} \(whole on .*, process {process.pid}\)"
    with pytest.raises(LeaseError, match=cause) as refused, hold(settings_of(tmp_path), NIGHT):
        pass
    assert time.monotonic() - began < 10
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_hold__same_task_at_work_in_another_process__is_refused_and_names_it(tmp_path, start):
    process = start(NIGHT, "money")
    cause = rf"money on .*, process {process.pid}\) is still at work"
    with pytest.raises(LeaseError, match=cause), hold(settings_of(tmp_path), NIGHT, "money"):
        pass


def test_hold__holder_killed__same_run_goes_on_at_once_in_its_epoch(tmp_path, start):
    kill(start(NIGHT, "money"))
    began = time.monotonic()
    with hold(settings_of(tmp_path), NIGHT, "money") as lease:
        assert lease.epoch == 1
    assert time.monotonic() - began < 2


def test_hold__holder_killed__another_run_takes_over_after_the_time_out_never_before(tmp_path, start):
    kill(start(OTHER))
    settings, beat = settings_of(tmp_path, timeout_seconds=2), read_lease(settings_of(tmp_path)).last_beat
    refusals = 0
    while True:
        try:
            with hold(settings, NIGHT) as lease:
                taken, epoch = time.time(), lease.epoch
                break
        except LeaseError:
            refusals += 1
            time.sleep(0.1)
    assert refusals > 0
    assert 2 <= taken - beat < 10
    assert epoch == 2


@pytest.mark.slow
def test_hold__signs_of_life__keep_others_out_longer_than_the_time_out(tmp_path, start):
    start(OTHER, beat=0.2, minutes=1.5 / 60)
    until = time.monotonic() + 4
    while time.monotonic() < until:
        with pytest.raises(LeaseError), hold(settings_of(tmp_path, timeout_seconds=1.5), NIGHT):
            pass
        time.sleep(0.2)


def test_check__lease_broken_under_a_run__refuses_its_commits_and_says_why(tmp_path):
    settings = settings_of(tmp_path)
    with hold(settings, NIGHT) as lease:
        assert break_lease(settings, "the host is gone").run_id == NIGHT
        with pytest.raises(LeaseError, match="money|whole has lost the lease: it was broken .*the host is gone"):
            lease.check()
        with pytest.raises(LeaseError), lease.committing():
            raise AssertionError("a lost lease must not commit")
    assert read_lease(settings).run_id is None


def test_check__taken_over_by_another_run__names_it(tmp_path):
    settings = settings_of(tmp_path, timeout_seconds=0)
    with hold(settings, OTHER) as slow, hold(settings, NIGHT):
        with pytest.raises(LeaseError, match=f"{NIGHT} holds it"):
            slow.check()
        slow.beat()
        slow.end()
        assert read_lease(settings).run_id == NIGHT
    assert read_lease(settings).run_id is None


def test_committing__takeover_at_the_same_moment__waits_for_the_commit(tmp_path):
    settings = settings_of(tmp_path)
    with hold(settings, NIGHT) as lease, ThreadPoolExecutor(1) as pool:
        with lease.committing():
            breaking = pool.submit(break_lease, settings, "impatience")
            time.sleep(0.3)
            assert not breaking.done()
            lease.check()
        assert breaking.result(5).run_id == NIGHT


def test_groups__of_one_run__share_its_epoch_and_the_last_frees_an_ended_run(tmp_path):
    settings = settings_of(tmp_path)
    with hold(settings, NIGHT, "people"):
        pass
    assert read_lease(settings).run_id == NIGHT
    with hold(settings, NIGHT, "money") as money, hold(settings, NIGHT, "publish") as publishing:
        assert money.epoch == publishing.epoch == 1
        publishing.end()
        publishing.leave()
        assert read_lease(settings).run_id == NIGHT
    assert read_lease(settings).run_id is None


@pytest.mark.parametrize(("first", "second"), [(WHOLE, "money"), ("money", WHOLE)])
def test_groups__beside_the_whole_run__are_refused_both_ways(tmp_path, first, second):
    settings = settings_of(tmp_path)
    with hold(settings, NIGHT, first), pytest.raises(LeaseError, match="still at work"), hold(settings, NIGHT, second):
        pass


def test_groups__expected_failure_frees_the_lake__a_crash_keeps_it_for_the_retry(tmp_path):
    settings = settings_of(tmp_path)
    with pytest.raises(RuntimeError), hold(settings, NIGHT, "money"):
        raise RuntimeError
    assert read_lease(settings).run_id == NIGHT
    with pytest.raises(PlanError), hold(settings, NIGHT, "money"):
        raise PlanError
    assert read_lease(settings).run_id is None


@pytest.mark.slow
def test_hold__processes_that_race__never_work_at_the_same_time(tmp_path):
    code = """
import json, sys, time
from pathlib import Path
from brokerlake.errors import LeaseError
from brokerlake.lease import hold
from brokerlake.settings import load_settings
home, name = Path(sys.argv[1]), sys.argv[2]
settings, spans, refused = load_settings(home=home), [], 0
until = time.time() + 3
while time.time() < until:
    try:
        with hold(settings, f"nightly:{name}") as lease:
            began = time.time()
            time.sleep(0.02)
            lease.check()
            spans.append([began, time.time(), lease.epoch])
    except LeaseError:
        refused += 1
        time.sleep(0.005)
print(json.dumps([spans, refused]))
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), str(at)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )
        for at in range(4)
    ]
    told = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    spans = sorted(span for found, _ in told for span in found)
    assert sum(1 for found, _ in told if found) >= 2
    assert sum(refused for _, refused in told) > 0
    assert all(before[1] <= after[0] for before, after in zip(spans, spans[1:], strict=False))
    assert [span[2] for span in spans] == list(range(1, len(spans) + 1))


def test_describe_lease__held_and_broken__tell_a_person(tmp_path):
    settings = settings_of(tmp_path)
    assert describe_lease(settings) == "the lease is free (epoch 0)"
    with pytest.raises(LeaseError, match="nobody holds"):
        break_lease(settings, "no reason")
    with hold(settings, NIGHT):
        assert f"held by {NIGHT} (whole on " in describe_lease(settings)
        break_lease(settings, "the host is gone")
    assert describe_lease(settings) == f"the lease is free (epoch 2); last broken: {NIGHT}: the host is gone"
