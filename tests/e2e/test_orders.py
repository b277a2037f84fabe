"""The same nights in other orders: as a range, one by one, rolled back and run again."""

from __future__ import annotations

import shutil

import pytest

from brokerlake.release.releases import Release, read_releases
from tests.e2e import nights

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_broker")]


def test_range__against_date_by_date__is_equal(broker, lake_before_night, tmp_path, test_settings):
    """The last night of the range, run as a night on a lake that holds those before it as a shorter range."""
    lake, days = nights.open_scratch(tmp_path / "by_night", test_settings), broker[1]
    shutil.copytree(broker[0].settings.landing, lake.settings.landing)
    shutil.copytree(broker[0].settings.private / "keys", lake.settings.private / "keys")
    nights.backfill(lake, days[0], days[-3])
    nights.night(lake, days[-2])
    one_by_one, range_first = nights.content(lake), nights.content(lake_before_night)
    both = one_by_one.keys() & range_first.keys()
    assert {table for table, _ in both} == set(lake.catalogue.order)
    whole = {t.name for t in lake.catalogue.tables.values() if t.write == "replace_all"}
    last = {key for key in both if key[0] not in whole or key[1] == days[-2]}
    assert {key for key in last if one_by_one[key] != range_first[key]} == set()


def test_rollback__to_the_release_before__gives_back_what_the_night_took(broker, tmp_path, test_settings):
    from brokerlake.release.releases import rollback

    home = tmp_path / "home"
    shutil.copytree(broker[0].settings.home, home)
    lake, day = nights.open_scratch(home, test_settings), broker[1][-1]
    undisturbed = nights.content(lake)
    back: Release = rollback(lake.settings, read_releases(lake.settings)[0].number)
    assert back.night == broker[1][-2]
    assert all(when < day for table, when in nights.content(lake))
    again = nights.night(lake, day)
    assert again.number == back.number + 1
    assert nights.content(lake) == undisturbed
