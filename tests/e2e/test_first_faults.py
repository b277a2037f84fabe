"""The first faults: nothing is published, the last release is served, one line says why, one more run mends it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date

import pyarrow.compute as pc
import pytest

from brokerlake.errors import LandingError, QualityError
from brokerlake.lake import Lake
from brokerlake.release.releases import current_release, read_releases
from brokerlake.tables import ops
from tests.conftest import PROJECT
from tests.e2e import nights

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_broker")]


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        ("cut", "trading_executions.*(bytes|sha256)"),
        ("lie", "trading_executions.*rows|trading_executions.*row_count"),
        ("missing", "trading_balances.*required_feed_missing"),
    ],
)
def test_landing__damaged_delivery__publishes_nothing_and_names_the_file(broker, lake_before_night, damage, cause):
    lake, day = lake_before_night, broker[1][-1]
    before = current_release(lake.settings)
    if damage == "cut":
        path = nights.data_file_of(lake, "trading_executions", day)
        path.write_bytes(path.read_bytes()[:-40])
    elif damage == "lie":
        path = nights.manifest_of(lake, "trading_executions", day)
        text = json.loads(path.read_text())
        text["rows"] += 1
        text["files"][0]["rows"] += 1
        path.write_text(json.dumps(text))
    else:
        shutil.rmtree(nights.manifest_of(lake, "trading_balances", day).parent)
    with pytest.raises(LandingError, match=cause) as caught:
        nights.night(lake, day)
    assert "\n" not in str(caught.value)
    assert current_release(lake.settings) == before


@pytest.mark.release
def test_night__critical_rule_broken__publishes_nothing_until_repaired(broker, lake_before_night, tmp_path):
    lake, day = lake_before_night, broker[1][-1]
    before = current_release(lake.settings)
    kept = tmp_path / "kept"
    shutil.copytree(nights.manifest_of(lake, "trading_balances", day).parent, kept)
    _steal_cash(lake, day)
    with pytest.raises(QualityError, match=r"silver\.balances: critical rule .* failed") as caught:
        nights.night(lake, day)
    assert "\n" not in str(caught.value)
    assert current_release(lake.settings) == before
    shutil.rmtree(nights.manifest_of(lake, "trading_balances", day).parent)
    shutil.copytree(kept, nights.manifest_of(lake, "trading_balances", day).parent)
    nights.night(lake, day)
    assert nights.content(lake) == nights.content(broker[0])


def _steal_cash(lake: Lake, day: date) -> None:
    """Every account's cash a yuan short, in a file and manifest that agree with each other."""
    import hashlib
    from decimal import Decimal

    import pyarrow.parquet as pq

    path, manifest = (
        nights.data_file_of(lake, "trading_balances", day),
        nights.manifest_of(lake, "trading_balances", day),
    )
    table = pq.read_table(path)
    place = table.schema.get_field_index("cash")
    short = pc.subtract(table["cash"], Decimal("1.00")).cast(table.schema.field("cash").type)
    pq.write_table(table.set_column(place, table.schema.field("cash"), short), path)
    text = json.loads(manifest.read_text())
    text["files"][0] |= {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    text["control_sums"]["cash"] = str(Decimal(text["control_sums"]["cash"]) - table.num_rows)
    manifest.write_text(json.dumps(text))


def test_night__killed_in_the_middle__is_finished_by_one_more_run(broker, lake_before_night, tmp_path):
    lake, day = lake_before_night, broker[1][-1]
    before = current_release(lake.settings)
    command = [sys.executable, "-m", "brokerlake", "nightly", "--date", str(day)]
    environment = {**os.environ, "BROKERLAKE_HOME": str(lake.settings.home)}
    with (tmp_path / "out.txt").open("w") as out:
        process = subprocess.Popen(
            command, env=environment, cwd=PROJECT, stdout=out, stderr=out, start_new_session=True
        )  # fmt: skip
        _wait_for_silver(lake, f"nightly:{day}", process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert current_release(lake.settings) == before
    nights.night(lake, day)
    assert nights.content(lake) == nights.content(broker[0])
    assert len([r for r in read_releases(lake.settings) if r.night == day]) == 1


def _wait_for_silver(lake: Lake, run_id: str, process: subprocess.Popen[bytes], least: int = 3) -> None:
    """Until the run has passed a few silver tables."""
    for _ in range(600):
        ledger = ops.read_ops(lake.settings, "ledger", ["run_id", "table_name"]).to_pylist()
        if sum(r["run_id"] == run_id and r["table_name"].startswith("silver.") for r in ledger) >= least:
            return
        assert process.poll() is None, "the night ended before it could be killed"
        time.sleep(0.5)
    raise AssertionError("the night passed no silver table within five minutes")
