"""F11, F12: malformed rows. A few are filed with their place and change nothing; too many stop the feed."""

from __future__ import annotations

import random
import re

import pyarrow.compute as pc
import pytest

from brokerlake.tables import ops
from tests.faults import small_lake
from tests.faults.damage import SEEDS, cause_of_night, folder_of, repaired_after
from tests.faults.extracts import FEEDS
from tests.faults.malformed import CELL_FAULTS, RAGGED, plant

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_lake")]

SEEDED = [SEEDS[0], *(pytest.param(seed, marks=pytest.mark.release) for seed in SEEDS[1:])]


def rejected_of(small, run_id):
    filed = ops.read_ops(small.lake.settings, "rejected")
    return filed.filter(pc.equal(filed["run_id"], run_id)).to_pylist()


@pytest.mark.parametrize("seed", SEEDED)
def test_malformed__a_few_in_a_thousand__are_filed_with_their_place_and_change_nothing_else(
    harmless_night, undisturbed, seed
):
    print(f"seed {seed}")
    night = harmless_night(seed)
    small, planted, day = night.small, night.planted, night.small.nights[0]
    assert small_lake.known(small_lake.content(small.lake)) == small_lake.known(undisturbed.after)

    filed = rejected_of(small, f"nightly:{day}")
    places = {(line.feed, f"{line.feed}/{day}/seq=1/{line.feed}.csv", line.line, line.rule) for line in planted}
    assert {(row["feed"], row["file"], row["line"], row["rule"]) for row in filed} == places
    assert all(row["sentence"] and row["verdict"] == "rejected" for row in filed)
    totals = ops.read_ops(small.lake.settings, "control_totals").to_pylist()
    tonight = [row for row in totals if row["night"] == day and row["step"] in ("bronze", "silver")]
    assert {row["feed"] for row in tonight} == set(FEEDS)
    assert [row for row in tonight if row["difference"]] == []
    for feed in CELL_FAULTS:
        lines = len(small.rows[day][feed]) + sum(line.feed == feed for line in planted)
        at_bronze, at_silver = (
            next(r for r in tonight if (r["feed"], r["step"], r["measure"]) == (feed, step, "rows"))
            for step in ("bronze", "silver")
        )
        assert at_bronze["came_in"] == lines
        assert at_bronze["rejected"] + at_silver["rejected"] == lines - len(small.rows[day][feed])
        assert at_silver["kept"] == len(small.rows[day][feed])


@pytest.fixture(scope="module")
def spoiled(undisturbed, test_settings, tmp_path_factory):
    """One lake for every feed that is stopped."""
    return undisturbed.before.copy(tmp_path_factory.mktemp("spoiled") / "home", test_settings)


@pytest.mark.parametrize("seed", SEEDS)
def test_malformed__ragged_lines_over_the_limit__stop_the_feed_at_bronze(spoiled, tmp_path, seed):
    print(f"seed {seed}")
    day, draw = spoiled.nights[0], random.Random(seed)
    feed = draw.choice(sorted(CELL_FAULTS))
    with repaired_after(folder_of(spoiled, feed, day), tmp_path / "kept"):
        planted = plant(spoiled, feed, day, 11 + draw.randint(1, 20), draw, [RAGGED])
        found = cause_of_night(spoiled, day)
    first = f"{feed}/{day}/seq=1/{feed}.csv line {planted[0].line}: wrong_number_of_values"
    lines = len(spoiled.rows[day][feed]) + len(planted)
    assert found.startswith(f"feed {feed}: night {day}: {len(planted)} of {lines} rows malformed, limit 1.00%; first: ")
    assert first in found


@pytest.mark.parametrize("seed", SEEDED)
def test_malformed__bad_cells_over_the_limit__stop_the_feed_at_silver(spoiled, tmp_path, seed):
    print(f"seed {seed}")
    day, draw = spoiled.nights[0], random.Random(seed)
    feed = draw.choice(sorted(CELL_FAULTS))
    column = draw.choice(sorted(CELL_FAULTS[feed]))
    with repaired_after(folder_of(spoiled, feed, day), tmp_path / "kept"):
        planted = plant(spoiled, feed, day, 11 + draw.randint(1, 20), draw, [column])
        found = cause_of_night(spoiled, day)
    lines = len(spoiled.rows[day][feed]) + len(planted)
    assert re.match(f"{feed}: night {day}: {len(planted)} of {lines} rows are malformed, over the limit of 1.0%", found)
