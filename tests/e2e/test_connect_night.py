"""The whole catalogue over Spark Connect: every table of a night is what a classic session makes of it."""

from __future__ import annotations

import pytest

from brokerlake import connect_server
from brokerlake.release.releases import current_release
from tests.e2e import nights, profiles

pytestmark = [pytest.mark.spark, pytest.mark.release, pytest.mark.xdist_group("small_broker")]


def test_night__whole_catalogue_over_connect__equals_the_classic_night(broker, lake_before_night):
    lake, day = lake_before_night, broker[1][-1]
    server = connect_server.start_server(lake.settings, "whole")
    try:
        place = {"SPARK_REMOTE": server.address, connect_server.TOKEN_VARIABLE: server.token}
        told = profiles.command(lake.settings, "nightly", "--date", str(day), **place)
    finally:
        connect_server.stop_all(lake.settings)
    assert "over Spark Connect" in told
    release = current_release(lake.settings)
    assert release is not None and release.night == day
    assert nights.content(lake) == nights.content(broker[0])
