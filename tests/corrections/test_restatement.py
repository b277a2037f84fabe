"""Files 1, 2 and 5 days late: seen from the next night on, listed, and after a restatement as if on time."""

from __future__ import annotations

import shutil

import pytest

from brokerlake.run.restate import as_of_tables, run_restatement
from tests.corrections import lakes
from tests.e2e import nights

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("late_files")]

NIGHTS, LATE = 7, {1: 6, 3: 5, 4: 5}
"""Executions of a night (by its place) and the night they are handed over on: 5, 2 and 1 days late."""


@pytest.fixture(scope="module")
def on_time(spark, test_settings, tmp_path_factory):
    landed = lakes.land(tmp_path_factory.mktemp("on_time"), test_settings, NIGHTS)
    nights.backfill(landed.lake, landed.days[0], landed.days[-1])
    return landed


@pytest.fixture(scope="module")
def late(spark, test_settings, tmp_path_factory):
    landed = lakes.land(tmp_path_factory.mktemp("late"), test_settings, NIGHTS)
    for at, delivered in LATE.items():
        lakes.deliver_later(landed.lake, landed.days[at], landed.days[delivered])
    nights.backfill(landed.lake, landed.days[0], landed.days[-1])
    return landed


def as_of_content(landed) -> dict:
    """Digests of the as-of tables."""
    names = {table.name for table in as_of_tables(landed.lake)}
    return {key: digest for key, digest in nights.content(landed.lake).items() if key[0] in names}


def test_late_files__restated__equal_to_on_time_and_stay_so(on_time, late, tmp_path, test_settings):
    days, right, known = late.days, as_of_content(on_time), as_of_content(late)
    wrong = {key for key in right if right[key] != known[key]}
    assert {day for _, day in wrong} == set(days[1:6]), "dates before the first late file and from its night on"
    assert {table for table, _ in wrong} == {"silver.customer_windows", "gold.rfm", "gold.clv_features"}
    home = tmp_path / "home"
    shutil.copytree(late.lake.settings.home, home)
    restated = lakes.Landed(nights.open_scratch(home, test_settings, lakes.CONF), days, late.rows)
    run_restatement(restated.lake, days[1], days[5], known_through=days[6], progress=nights.say_nothing)
    assert as_of_content(restated) == right
    nights.night(restated.lake, days[3])
    nights.backfill(restated.lake, days[0], days[-1])
    assert as_of_content(restated) == right
