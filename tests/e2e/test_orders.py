"""The same nights in other orders: as a range, one by one, rolled back and run again."""

from __future__ import annotations

import shutil

import pytest

from brokerlake.release.releases import Release, read_releases
from tests.e2e import nights
from tests.e2e.conftest import RANGE

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_broker")]


def test_range__against_date_by_date__is_equal(broker, lake_after_range):
    """The last two nights in one pass, against the lake that ran them one after the other."""
    lake, days = lake_after_range, broker[1]
    nights.backfill(lake, days[RANGE], days[-1])
    in_one_pass, one_by_one = nights.content(lake), nights.content(broker[0])
    both = in_one_pass.keys() & one_by_one.keys()
    assert {table for table, day in both if day == days[-1]} == set(lake.catalogue.order)
    by_date = {name for name, table in lake.catalogue.tables.items() if table.write != "replace_all"}
    assert {(name, day) for name in by_date for day in days[RANGE:]} <= both
    assert {key for key in both if in_one_pass[key] != one_by_one[key]} == set()


def test_rollback__to_the_release_before__gives_back_what_the_night_took(broker, tmp_path, test_settings):
    from brokerlake.release.releases import rollback

    home = tmp_path / "home"
    shutil.copytree(broker[0].settings.home, home)
    lake, day = nights.open_scratch(home, test_settings), broker[1][-1]
    undisturbed = nights.content(lake)
    back: Release = rollback(lake.settings, read_releases(lake.settings)[-2].number)
    assert back.night == broker[1][-2]
    assert all(when < day for table, when in nights.content(lake))
    again = nights.night(lake, day)
    assert again.number == back.number + 1
    assert nights.content(lake) == undisturbed
