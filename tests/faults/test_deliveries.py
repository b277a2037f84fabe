"""F9, F10: a delivery that is cut or is not what its manifest says stops the night; one line names feed and file."""

from __future__ import annotations

import random
import re
import shutil
from contextlib import ExitStack

import pytest

from tests.faults import damage, small_lake
from tests.faults.damage import SEEDS, Damage, cause_of_night, folder_of, repaired_after
from tests.faults.extracts import FEEDS, deliver

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_lake")]
REQUIRED = [feed for feed, transport in FEEDS.items() if transport["required"]]
DELIMITED = [feed for feed, transport in FEEDS.items() if transport["format"] == "delimited"]
SUMMED = ["trading_executions", "trading_positions"]


@pytest.fixture(scope="module")
def damaged(undisturbed, test_settings, tmp_path_factory):
    """One lake for every damaged delivery: none of them may leave a mark."""
    return undisturbed.before.copy(tmp_path_factory.mktemp("damaged") / "home", test_settings)


def stops(small, damaging: Damage, feed: str, seed: int, kept) -> None:
    """The damaged delivery stops its night with the cause it must have."""
    draw = random.Random(f"{seed} {damaging.__name__} {feed}")
    print(f"seed {seed}")
    with repaired_after(folder_of(small, feed, small.nights[0]), kept) as folder:
        expected = damaging(folder, draw)
        found = cause_of_night(small, small.nights[0])
    assert re.search(expected, found), found
    assert f"feed {feed}" in found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("feed", FEEDS)
def test_delivery__cut_anywhere__is_found(damaged, tmp_path, feed, seed):
    stops(damaged, damage.cut, feed, seed, tmp_path / "kept")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("damaging", [damage.cut_at_line_end, damage.cut_before_the_manifest])
@pytest.mark.parametrize("feed", DELIMITED)
def test_delivery__cut_at_a_line_end__is_found(damaged, tmp_path, feed, damaging, seed):
    stops(damaged, damaging, feed, seed, tmp_path / "kept")


@pytest.mark.parametrize("seed", SEEDS)
def test_delivery__cut_parquet_with_a_manifest_that_agrees__is_found(damaged, tmp_path, seed):
    stops(damaged, damage.cut_parquet_before_the_manifest, "trading_positions", seed, tmp_path / "kept")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("damaging", "feeds"),
    [
        (damage.flip_a_bit, list(FEEDS)),
        (damage.empty, list(FEEDS)),
        (damage.empty_before_the_manifest, list(FEEDS)),
        (damage.header_only, DELIMITED),
        (damage.manifest_without_data, list(FEEDS)),
        (damage.data_without_manifest, REQUIRED),
        (damage.no_delivery, REQUIRED),
        (damage.a_file_too_many, list(FEEDS)),
        (damage.wrong_count, list(FEEDS)),
        (damage.wrong_sum, SUMMED),
        (damage.wrong_key_hash, list(FEEDS)),
        (damage.wrong_checksum, list(FEEDS)),
        (damage.stale_date, list(FEEDS)),
        (damage.cut_manifest, list(FEEDS)),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_delivery__not_what_its_manifest_says__is_found(damaged, tmp_path, damaging, feeds, seed):
    """One feed a seed and kind of damage, another for another seed."""
    stops(damaged, damaging, feeds[seed % len(feeds)], seed, tmp_path / "kept")


def test_delivery__of_yesterdays_rows_under_todays_manifest__is_found(damaged, tmp_path):
    """Every feed was exported again instead of anew: whole, with true counts and sums, of a date that is over."""
    small, day = damaged, damaged.nights[0]
    before = small.history[-1]
    with ExitStack() as repaired:
        for feed in FEEDS:
            folder = folder_of(small, feed, day)
            repaired.enter_context(repaired_after(folder, tmp_path / feed))
            shutil.rmtree(folder)
            deliver(small.lake.settings.landing, feed, day, small.rows[before][feed])
        found = cause_of_night(small, day)
    assert found.startswith("silver.positions: critical rule levels_are_of_the_business_date failed: "), found


def test_night__after_every_damaged_delivery_was_repaired__is_the_undisturbed_one(damaged, undisturbed):
    small_lake.run_night(damaged.lake, damaged.nights[0])
    assert small_lake.content(damaged.lake) == undisturbed.after
