"""F13: a file of another shape. A nullable addition passes with a notice; all else stops with a column diff."""

from __future__ import annotations

import random
import re

import pyarrow.compute as pc
import pytest

from brokerlake.tables import ops
from tests.faults import drift, small_lake
from tests.faults.damage import SEEDS, cause_of_night, folder_of, repaired_after
from tests.faults.extracts import FEEDS

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_lake")]
SEEDED = [SEEDS[0], *(pytest.param(seed, marks=pytest.mark.release) for seed in SEEDS[1:])]
DELIMITED = [feed for feed, transport in FEEDS.items() if transport["format"] == "delimited"]


@pytest.fixture(scope="module")
def drifting(undisturbed, test_settings, tmp_path_factory):
    """One lake for every drift that stops its night."""
    return undisturbed.before.copy(tmp_path_factory.mktemp("drifting") / "home", test_settings)


def stops(small, drifted: drift.Drift, feed: str, seed: int, kept) -> None:
    print(f"seed {seed}")
    with repaired_after(folder_of(small, feed, small.nights[0]), kept) as folder:
        expected = drifted(folder, random.Random(f"{seed} {drifted.__name__}"))
        found = cause_of_night(small, small.nights[0])
    assert re.search(expected, found), found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("drifted", drift.DELIMITED_DRIFTS, ids=lambda d: d.__name__)
def test_drift__of_a_delimited_file__stops_with_a_column_diff(drifting, tmp_path, drifted, seed):
    stops(drifting, drifted, DELIMITED[seed % len(DELIMITED)], seed, tmp_path / "kept")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("drifted", drift.PARQUET_DRIFTS, ids=lambda d: d.__name__)
def test_drift__of_a_parquet_file__stops_with_a_column_diff(drifting, tmp_path, drifted, seed):
    stops(drifting, drifted, "trading_positions", seed, tmp_path / "kept")


@pytest.mark.parametrize("seed", SEEDED)
@pytest.mark.parametrize(
    "drifted",
    [drift.widen_values, pytest.param(drift.narrow_values, marks=pytest.mark.release)],
    ids=["wide", "narrow"],
)
def test_drift__of_values__stops_the_feed_and_makes_no_nulls(drifting, tmp_path, drifted, seed):
    feed = ("trading_orders", "trading_executions")[seed % 2]
    stops(drifting, drifted, feed, seed, tmp_path / "kept")


@pytest.mark.parametrize("seed", SEEDED)
def test_drift__nullable_addition__passes_with_a_notice_and_changes_nothing(harmless_night, undisturbed, seed):
    print(f"seed {seed}")
    night = harmless_night(seed)
    assert small_lake.known(small_lake.content(night.small.lake)) == small_lake.known(undisturbed.after)
    results = ops.read_ops(night.small.lake.settings, "quality_results")
    results = results.filter(pc.equal(results["rule_id"], "no_column_is_added"))
    warned = results.filter(pc.and_(pc.equal(results["severity"], "warning"), pc.invert(results["passed"])))
    assert sorted(warned["sentence"].to_pylist()) == sorted(night.notices)
