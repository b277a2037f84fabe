"""F5, F6: a night ten times, gold in shuffled order, a range against day by day. All execute: nothing is skipped."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from unittest.mock import patch

import pytest

from brokerlake.plan.state import sha256
from brokerlake.plan.step_keys import StepKeys
from brokerlake.release.releases import current_release, read_releases
from brokerlake.run.backfill import run_backfill
from brokerlake.tables import ops
from tests.e2e.nights import say_nothing
from tests.faults import small_lake
from tests.faults.damage import SEEDS
from tests.faults.small_lake import SmallLake

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_lake")]
SEEDED = [SEEDS[0], *(pytest.param(seed, marks=pytest.mark.release) for seed in SEEDS[1:])]
GOLD = "gold.churn_labels"


@contextmanager
def other_keys(salt: object) -> Iterator[None]:
    """Every step has a key of its own inside the block, as if its code had changed: what passed is made again."""
    of = StepKeys._fixed_part
    with patch.object(StepKeys, "_fixed_part", lambda keys, table: sha256(of(keys, table), salt)):
        yield


def executed(small: SmallLake, run_id: str) -> list[str]:
    """Tables that passed in the newest attempt of the run."""
    rows = ops.read_ops(small.lake.settings, "ledger").to_pylist()
    own = [row for row in rows if row["run_id"] == run_id and row["verdict"] == "passed"]
    return [row["table_name"] for row in own if row["attempt"] == max(row["attempt"] for row in own)]


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=pytest.mark.release)])
def test_night__again_and_again__holds_the_same(copy, undisturbed, times):
    small = copy(undisturbed.ran)
    for number in range(times):
        with other_keys(number):
            small_lake.run_night(small.lake, small.nights[0])
            assert set(executed(small, f"nightly:{small.nights[0]}")) == set(small.lake.catalogue.order)
        assert small_lake.content(small.lake) == undisturbed.after


@pytest.mark.parametrize("seed", SEEDED)
def test_gold__of_nights_in_shuffled_order__is_equal(copy, three_nights, seed):
    print(f"seed {seed}")
    small = copy(three_nights)
    order = list(small.nights)
    random.Random(seed).shuffle(order)
    for night in order:
        with other_keys(f"{seed} {night}"):
            run_backfill(small.lake, night, night, from_table=GOLD, progress=say_nothing)
            assert executed(small, f"backfill:{night}:{night}:{GOLD}") == [GOLD]
    assert small_lake.content(small.lake) == small_lake.content(three_nights.lake)


def last_of_whole_tables(small: SmallLake) -> dict[tuple[str, date], str]:
    """The content without earlier dates of tables that a run makes for its newest night only."""
    release = current_release(small.lake.settings)
    assert release is not None
    tables = small.lake.catalogue.tables
    held = small_lake.content(small.lake)
    return {key: d for key, d in held.items() if tables[key[0]].write != "replace_all" or key[1] == release.night}


@pytest.mark.parametrize(
    "parts",
    [
        [(0, 2)],
        pytest.param([(0, 0), (1, 2)], marks=pytest.mark.release),
        pytest.param([(0, 1), (2, 2)], marks=pytest.mark.release),
    ],
    ids=["whole", "one then two", "two then one"],
)
def test_range__of_nights__is_equal_to_day_by_day(copy, three_nights, parts):
    small = copy()
    for first, last in parts:
        small_lake.run_range(small.lake, small.nights[first], small.nights[last])
    assert last_of_whole_tables(small) == last_of_whole_tables(three_nights)


@pytest.mark.release
def test_range__over_published_nights__makes_them_again_and_equal(copy, three_nights):
    small = copy(three_nights)
    with other_keys("again"):
        small_lake.run_range(small.lake, small.nights[0], small.nights[-1])
    assert last_of_whole_tables(small) == last_of_whole_tables(three_nights)
    assert len(read_releases(small.lake.settings)) == len(read_releases(three_nights.lake.settings)) + 1


@pytest.mark.release
@pytest.mark.parametrize("start", [date(2023, 12, 28), date(2024, 2, 7)], ids=["year end", "Lunar New Year"])
def test_range__over_holidays__is_equal_to_day_by_day(test_settings, tmp_path, start):
    """F16: the nights around a long closure, as a range and one by one; there is a night for each natural day."""
    by_day = small_lake.make(tmp_path / "days", test_settings, 1, 3, history=1, start=start)
    by_range = by_day.copy(tmp_path / "range", test_settings)
    small_lake.run_range(by_range.lake, by_range.nights[0], by_range.nights[-1])
    for night in by_day.nights:
        small_lake.run_night(by_day.lake, night)
    assert last_of_whole_tables(by_range) == last_of_whole_tables(by_day)
