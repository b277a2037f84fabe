"""The small lake itself: the same firm for a seed, every way of writing and kind of input, a clean night."""

from __future__ import annotations

import pytest

from brokerlake.release.releases import current_release
from brokerlake.tables import ops
from tests.faults import small_lake
from tests.faults.conftest import SEED
from tests.faults.firm import Firm

CLEAN = pytest.mark.xdist_group("small_lake")


def test_firm__same_seed__hands_over_the_same_rows():
    first, again, other = (Firm(seed, customers=20, trades=10) for seed in (7, 7, 8))
    for firm_night in (small_lake.START, small_lake.START.replace(day=28)):
        rows = first.night(firm_night)
        assert again.night(firm_night) == rows
        assert other.night(firm_night) != rows


def test_catalogue__of_the_small_lake__has_every_write_and_input_kind(test_settings, tmp_path):
    tables = small_lake.open_small(tmp_path, test_settings).catalogue.tables.values()
    assert {table.write for table in tables} == {"replace_dates", "replace_all"}
    used = {entry.dates for table in tables for entry in table.inputs}
    assert used >= {"run", "earlier", "known", "previous", "as_of", "trading_days_back", "ahead"}
    assert {table.layer for table in tables} == {"bronze", "silver", "gold"}


@pytest.mark.spark
@pytest.mark.slow
@CLEAN
def test_night__undisturbed__keeps_thousands_of_rows_and_rejects_none(undisturbed):
    night, rows = undisturbed.night, undisturbed.before.rows[undisturbed.night]
    release = current_release(undisturbed.before.lake.settings)
    assert release is not None and release.night == undisturbed.before.history[-1]
    filled = {table for (table, day), digest in undisturbed.after.items() if day == night and digest != "0:0"}
    assert filled == set(undisturbed.before.lake.catalogue.order)
    assert sum(map(len, rows.values())) > 1000
    assert ops.read_ops(undisturbed.before.lake.settings, "rejected").num_rows == 0
    print(f"seed {SEED}")
