"""F2, F3, F4: a night stopped at its commits, or never told of them, is finished by one more run and holds the same.

A reader of its own process polls all public tables meanwhile.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from brokerlake.errors import BrokerlakeError
from brokerlake.lake import Lake
from brokerlake.release.releases import read_releases
from brokerlake.tables import ops
from tests.faults import small_lake
from tests.faults.commits import STOPS, UNACKNOWLEDGED, AcknowledgementLost, Commits, Stopped, counted, logged
from tests.faults.damage import SEEDS
from tests.faults.processes import polled

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_lake")]
SEEDED = [SEEDS[0], *(pytest.param(seed, marks=pytest.mark.release) for seed in SEEDS[1:])]
COMMITS_OF_A_STEP = 4
EVERY_WAY = (*STOPS, UNACKNOWLEDGED)


def one_at_a_time(lake: Lake) -> Lake:
    """The lake with one table after the other, so that the order of commits is the same in every attempt."""
    conf = {**lake.settings.conf, "spark": {**lake.settings.conf["spark"], "tables_at_a_time": 1}}
    return replace(lake, settings=replace(lake.settings, conf=conf))


def passed_steps(lake: Lake) -> int:
    """Ledger rows that say passed."""
    return ops.read_ops(lake.settings, "ledger", ["verdict"])["verdict"].to_pylist().count("passed")


def versions_without_gap(lake: Lake) -> bool:
    """True when the log of every table has each version from 0 to its head."""
    logs = [path.parent for path in Path(lake.settings.lake).glob("*/*/_delta_log")]
    return all(logged(path) == list(range(len(logged(path)))) for path in logs)


def walk(lake: Lake, night, ways: Iterator[str], places: Iterator[int]) -> list[tuple[str, str]]:
    """Run the night again and again, each time ended at another commit, until it is published; where it ended.

    After an attempt that got a step further the next place is taken, else the next commit.
    """
    ended: list[tuple[str, str]] = []
    at = next(places)
    while True:
        passed, commits = passed_steps(lake), Commits(at, next(ways))
        try:
            with counted(commits):
                small_lake.run_night(lake, night)
            return ended
        except (Stopped, AcknowledgementLost, BrokerlakeError):
            assert commits.ended is not None, "the night failed of itself"
            ended.append((commits.ended, commits.how))
        at = next(places) if passed_steps(lake) > passed else at + 1


def forever(draw: random.Random, ways: tuple[str, ...]) -> Iterator[str]:
    while True:
        yield draw.choice(ways)


def drawn_places(draw: random.Random) -> Iterator[int]:
    """One commit of the step that is next, or of the one behind it."""
    while True:
        yield draw.randint(1, COMMITS_OF_A_STEP + 2)


def every_place() -> Iterator[int]:
    """The first commit after every step that passed: `walk` then goes on through all of the next step."""
    while True:
        yield 1


def assert_undisturbed(small, undisturbed) -> None:
    assert small_lake.content(small.lake) == undisturbed.after
    assert len([release for release in read_releases(small.lake.settings) if release.night == small.nights[0]]) == 1
    assert versions_without_gap(small.lake)


@pytest.mark.parametrize("seed", SEEDED)
def test_night__stopped_at_commits_of_every_step__is_finished_by_one_more_run(copy, undisturbed, tmp_path, seed):
    small, draw = copy(), random.Random(seed)
    with polled(small, tmp_path / "polls.txt"):
        ended = walk(one_at_a_time(small.lake), small.nights[0], forever(draw, EVERY_WAY), drawn_places(draw))
    print(f"seed {seed}: stopped {len(ended)} times: {ended}")
    assert len(ended) >= 8
    assert_undisturbed(small, undisturbed)


@pytest.mark.release
@pytest.mark.parametrize("how", STOPS)
def test_night__stopped_at_every_commit_boundary__is_finished_by_one_more_run(copy, undisturbed, how):
    small = copy()
    ended = walk(one_at_a_time(small.lake), small.nights[0], iter(lambda: how, None), every_place())
    tables = {table for table, _ in ended}
    assert tables >= {name.replace(".", "/") for name in small.lake.catalogue.order}
    assert tables >= {"ops/manifests", "ops/ledger", "ops/control_totals", "ops/quality_results", "ops/releases"}
    assert_undisturbed(small, undisturbed)


@pytest.mark.release
@pytest.mark.parametrize("seed", SEEDS)
def test_night__acknowledgements_lost__no_row_twice_and_no_version_gap(copy, undisturbed, tmp_path, seed):
    small, draw = copy(), random.Random(seed)
    lost = iter(lambda: UNACKNOWLEDGED, None)
    with polled(small, tmp_path / "polls.txt"):
        ended = walk(one_at_a_time(small.lake), small.nights[0], lost, drawn_places(draw))
    print(f"seed {seed}: {ended}")
    assert len(ended) >= 8
    assert_undisturbed(small, undisturbed)


@pytest.mark.release
def test_night__every_acknowledgement_lost__no_row_twice_and_no_version_gap(copy, undisturbed):
    small = copy()
    ended = walk(one_at_a_time(small.lake), small.nights[0], iter(lambda: UNACKNOWLEDGED, None), every_place())
    assert len(ended) > len(small.lake.catalogue.order)
    assert_undisturbed(small, undisturbed)


@pytest.mark.release
def test_night__acknowledgement_of_the_release_lost__is_published_once(copy, undisturbed):
    small, commits = copy(), Commits(how=UNACKNOWLEDGED, table="ops/releases")
    with counted(commits), suppress(AcknowledgementLost, BrokerlakeError):
        small_lake.run_night(small.lake, small.nights[0])
    assert commits.ended == "ops/releases"
    small_lake.run_night(small.lake, small.nights[0])
    assert_undisturbed(small, undisturbed)
