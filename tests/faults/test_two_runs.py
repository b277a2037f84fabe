"""F7 and F8: a backfill and a night at once, two nights at once, and a holder that is killed; all real processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from brokerlake.errors import LeaseError
from brokerlake.lease import read_lease
from brokerlake.release.releases import current_release, read_releases
from brokerlake.settings import Settings
from brokerlake.tables import ops
from tests.conftest import PROJECT
from tests.e2e import nights
from tests.faults import small_lake
from tests.faults.extracts import CONF
from tests.faults.small_lake import SmallLake

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_lake")]
EXPIRY_SECONDS = 8.0


def start(small: SmallLake, out: Path, *arguments: str, conf: Path = CONF) -> subprocess.Popen[bytes]:
    """The command line in a process of its own, in a session that can be killed whole."""
    command = [sys.executable, "-m", "brokerlake", "--home", str(small.home), "--conf", str(conf), *arguments]
    with out.open("w") as file:
        return subprocess.Popen(command, cwd=PROJECT, stdout=file, stderr=file, start_new_session=True)


def wait_for_silver(small: SmallLake, run_id: str, process: subprocess.Popen[bytes]) -> None:
    """Until the run has passed a silver table."""
    for _ in range(600):
        rows = ops.read_ops(small.lake.settings, "ledger", ["run_id", "table_name"]).to_pylist()
        if any(row["run_id"] == run_id and row["table_name"].startswith("silver.") for row in rows):
            return
        assert process.poll() is None, "the run ended before it could be met"
        time.sleep(0.2)
    raise AssertionError(f"{run_id} passed no silver table in two minutes")


def short_lease(folder: Path) -> Path:
    """The small catalogue's configuration with a time-out of seconds."""
    shutil.copytree(CONF, folder)
    with (folder / "base.yaml").open("a", encoding="utf-8") as file:
        file.write(f"lease: {{beat_seconds: 1, timeout_minutes: {EXPIRY_SECONDS / 60}}}\n")
    return folder


def run_here(small: SmallLake, run_id: str) -> SmallLake:
    """The lake after a night, or the backfill of one, in this process."""
    kind, day = run_id.split(":")[:2]
    run = small_lake.run_night if kind == "nightly" else partial(small_lake.run_range, last=date.fromisoformat(day))
    run(small.lake, date.fromisoformat(day))
    return small


def test_f7__backfill_and_night_at_once__one_is_refused_by_name_and_the_state_is_a_serial_one(copy, tmp_path):
    small = copy()
    first, second = small.nights[:2]
    processes = {
        f"backfill:{first}:{first}": start(small, tmp_path / "a", "backfill", "--from", f"{first}", "--to", f"{first}"),
        f"nightly:{second}": start(small, tmp_path / "b", "nightly", "--date", f"{second}"),
    }
    codes = {run_id: process.wait(timeout=300) for run_id, process in processes.items()}
    assert sorted(codes.values()) == [0, 1], codes
    (winner,) = [run_id for run_id, code in codes.items() if code == 0]
    (loser,) = [run_id for run_id, code in codes.items() if code == 1]
    told = (tmp_path / ("b" if loser.startswith("nightly") else "a")).read_text().splitlines()
    assert f"brokerlake: {loser}: the lake is held by {winner} (whole on " in told[-1]
    run_here(small, loser)
    serial = run_here(run_here(copy(), winner), loser)
    assert small_lake.content(small.lake) == small_lake.content(serial.lake)


def test_f8__holder_killed__the_second_night_is_refused_until_the_lease_expires_then_runs(
    copy, tmp_path, test_settings: Settings
):
    small, conf = copy(), short_lease(tmp_path / "conf")
    first, second = small.nights[:2]
    before = current_release(small.lake.settings)
    holder = start(small, tmp_path / "holder", "nightly", "--date", f"{first}", conf=conf)
    wait_for_silver(small, f"nightly:{first}", holder)

    began = time.monotonic()
    refused = start(small, tmp_path / "refused", "nightly", "--date", f"{second}", conf=conf)
    assert refused.wait(timeout=60) == 1
    assert time.monotonic() - began < 10
    (line,) = (tmp_path / "refused").read_text().strip().splitlines()
    assert line.startswith(f"brokerlake: nightly:{second}: the lake is held by nightly:{first} (whole on ")

    os.killpg(holder.pid, signal.SIGKILL)
    holder.wait()
    last_beat = read_lease(small.lake.settings).last_beat
    lake = nights.open_scratch(small.home, test_settings, conf)
    with pytest.raises(LeaseError, match=f"held by nightly:{first} "):
        small_lake.run_night(lake, second)
    assert current_release(lake.settings) == before
    time.sleep(max(0.0, last_beat + EXPIRY_SECONDS - time.time()) + 0.5)
    small_lake.run_night(lake, second)
    undisturbed = copy()
    small_lake.run_night(undisturbed.lake, second)
    assert small_lake.content(lake) == small_lake.content(undisturbed.lake)
    assert [release.run_id for release in read_releases(lake.settings)][-1] == f"nightly:{second}"
    assert len(read_releases(lake.settings)) == 2
