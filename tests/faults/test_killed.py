"""F1, F4, F18: a night killed at random moments, its JVM killed, its memory used up; readers look on meanwhile."""

from __future__ import annotations

import random
import time

import pytest

from brokerlake.release.releases import current_release, read_releases
from tests.faults import small_lake
from tests.faults.damage import SEEDS
from tests.faults.processes import KILL, NightProcess, polled

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_lake")]
STEPS = 13


@pytest.mark.parametrize(
    ("seed", "kills"), [(1, 1), *(pytest.param(seed, 3, marks=pytest.mark.release) for seed in SEEDS)]
)
def test_night__killed_at_random_moments_under_a_reader__is_finished_by_one_more_run(
    copy, undisturbed, tmp_path, seed, kills
):
    small, draw = copy(), random.Random(seed)
    before = current_release(small.lake.settings)
    with polled(small, tmp_path / "polls.txt"):
        for number in range(kills):
            night = NightProcess(small, small.nights[0], tmp_path / f"night{number}.txt")
            night.wait_for_steps(draw.randint(0, STEPS // kills - 1))
            pause = draw.random()
            time.sleep(pause)
            night.end(KILL)
            print(f"seed {seed}: killed {pause:.2f} s behind: {night.output.splitlines()[-1:]}")
            assert current_release(small.lake.settings) == before
        small_lake.run_night(small.lake, small.nights[0])
    assert small_lake.content(small.lake) == undisturbed.after
    assert len(read_releases(small.lake.settings)) == 2


@pytest.mark.release
@pytest.mark.parametrize("seed", SEEDS)
def test_night__whose_java_is_killed__fails_naming_the_table_and_is_finished_by_one_more_run(
    copy, undisturbed, tmp_path, seed
):
    small, draw = copy(), random.Random(seed)
    night = NightProcess(small, small.nights[0], tmp_path / "night.txt")
    # Six steps need no Spark; killed while it starts beside them, it is started again and the night goes on.
    night.wait_for_steps(7 + draw.randint(0, 3))
    night.java().kill()
    assert night.wait() == 1
    last = night.output.splitlines()[-1]
    print(f"seed {seed}: {last}")
    assert last.startswith(("brokerlake: silver.", "brokerlake: gold."))
    assert last.endswith("details in the log")
    small_lake.run_night(small.lake, small.nights[0])
    assert small_lake.content(small.lake) == undisturbed.after


@pytest.mark.release
def test_night__whose_task_runs_out_of_memory__fails_naming_the_table_and_is_finished_by_one_more_run(
    copy, undisturbed, tmp_path
):
    small, table = copy(), "silver.orders"
    night = NightProcess(
        small, small.nights[0], tmp_path / "night.txt", ["-m", "tests.faults.out_of_memory"], TABLE=table
    )
    assert night.wait() == 1
    last = night.output.splitlines()[-1]
    assert last.startswith("brokerlake: silver.") and last.endswith("details in the log")
    small_lake.run_night(small.lake, small.nights[0])
    assert small_lake.content(small.lake) == undisturbed.after
