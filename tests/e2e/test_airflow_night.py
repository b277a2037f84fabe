"""A night by Airflow's own `dags test`: what it publishes, and what its database and logs hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from brokerlake.release.releases import current_release
from brokerlake.setup.airflow_home import airflow_environment, ensure_airflow
from tests.conftest import PROJECT
from tests.e2e import canary, nights

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_broker")]


def test_night__through_airflow__publishes_the_same_and_leaves_no_clear_identity(broker, lake_before_night, tmp_path):
    lake, day = lake_before_night, broker[1][-1]
    home, log = tmp_path / "airflow", tmp_path / "night.log"
    ensure_airflow(home, PROJECT / "dags", Path(sys.executable), tmp_path / "migrate.log")
    variables = {**os.environ, **airflow_environment(home, PROJECT / "dags"), "PYTHONPATH": str(PROJECT)}
    variables["BROKERLAKE_HOME"] = str(lake.settings.home)
    command = [sys.executable, "-m", "airflow", "dags", "test", "nightly", str(day)]
    with log.open("w") as out:
        code = subprocess.run(command, env=variables, cwd=PROJECT, stdout=out, stderr=out, timeout=900).returncode
    assert code == 0, log.read_text()[-3000:]
    release = current_release(lake.settings)
    assert release is not None and release.night == day
    assert nights.content(lake) == nights.content(broker[0])
    stores = [file for file in home.rglob("*") if file.is_file()]
    assert any(file.suffix == ".db" for file in stores)
    assert canary.in_files(lake, [log, *stores, *lake.settings.logs.rglob("*.log")]) == []
