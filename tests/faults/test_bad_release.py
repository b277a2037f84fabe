"""F22: a bad night published by force is rolled back within a minute, and its repair is the undisturbed one."""

from __future__ import annotations

import time
from unittest.mock import patch

import pytest

from brokerlake.release.releases import current_release, rollback
from brokerlake.run import tables_step
from tests.faults import small_lake
from tests.faults.damage import data_file, folder_of
from tests.faults.extracts import deliver
from tests.faults.reading import described

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_lake")]


def test_release__of_a_bad_night__is_rolled_back_and_the_repaired_night_is_the_undisturbed_one(copy, undisturbed):
    """The extract of positions lacks a third of its rows; somebody publishes it against the gate's word."""
    small = copy()
    night, feed = small.nights[0], "trading_positions"
    good = current_release(small.lake.settings)
    served = described(small.lake.settings)
    folder = folder_of(small, feed, night)
    kept = {file.name: file.read_bytes() for file in folder.iterdir()}
    rows = small.rows[night][feed]
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    deliver(small.lake.settings.landing, feed, night, [{**row, "quantity": "7"} for row in rows])
    with patch.object(tables_step, "stop_on", lambda table, failed: None):
        bad = small_lake.run_night(small.lake, night)
    assert good is not None and bad.number == good.number + 1
    assert described(small.lake.settings)["tables"]["silver.positions"] != served["tables"]["silver.positions"]

    began = time.monotonic()
    back = rollback(small.lake.settings, good.number)
    again = described(small.lake.settings)
    assert time.monotonic() - began < 60
    assert (back.number, again["night"], again["tables"]) == (bad.number + 1, served["night"], served["tables"])

    for name, data in kept.items():
        (folder / name).write_bytes(data)
    assert data_file(folder).exists()
    small_lake.run_night(small.lake, night)
    assert small_lake.content(small.lake) == undisturbed.after
