"""Releases: numbered, found by number or night, and going back publishes an older vector again."""

from __future__ import annotations

from datetime import date

import pytest

from brokerlake.errors import ReleaseError
from brokerlake.release.releases import current_release, find_release, publish_release, read_releases, rollback
from brokerlake.settings import load_settings

D1, D2 = date(2024, 3, 4), date(2024, 3, 5)


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path)


def _publish(settings, night, version):
    return publish_release(
        settings, run_id=f"nightly:{night}", kind="nightly", night=night, first_date=night,
        vector={"gold.t": version}, public=("gold.t",), stale_feeds={"web_events": None},
    )  # fmt: skip


def test_current_release__empty_lake__is_none(settings):
    assert current_release(settings) is None
    with pytest.raises(ReleaseError, match="none is published"):
        find_release(settings, number=1)


def test_publish_release__twice__counts_up_and_keeps_the_vector(settings):
    _publish(settings, D1, 3)
    second = _publish(settings, D2, 4)
    assert [release.number for release in read_releases(settings)] == [1, 2]
    assert current_release(settings) == second
    assert find_release(settings, night=D1).vector == {"gold.t": 3}
    assert second.stale_feeds == {"web_events": None}


def test_rollback__to_the_first__publishes_its_vector_as_a_new_release(settings):
    _publish(settings, D1, 3)
    _publish(settings, D2, 4)
    back = rollback(settings, 1)
    assert (back.number, back.kind, back.night, dict(back.vector)) == (3, "rollback", D1, {"gold.t": 3})
    assert current_release(settings) == back
