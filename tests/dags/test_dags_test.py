"""`airflow dags test` itself, on nights and ranges that end before the runner begins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from brokerlake.setup.airflow_home import airflow_environment, ensure_airflow

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, project: Path):
    folder = tmp_path_factory.mktemp("airflow")
    ensure_airflow(folder / "airflow", project / "dags", Path(sys.executable), folder / "migrate.log")
    told = folder / "progress"
    variables = {**os.environ, **airflow_environment(folder / "airflow", project / "dags")}
    variables |= {"BROKERLAKE_HOME": str(folder / "home"), "BROKERLAKE_PROGRESS": str(told)}
    variables |= {"PYTHONPATH": str(project)}

    def run(night: str, dag: str = "nightly", **parameters: str):
        told.unlink(missing_ok=True)
        command = [sys.executable, "-m", "airflow", "dags", "test", dag, night, "--conf", json.dumps(parameters)]
        done = subprocess.run(command, env=variables, cwd=project, capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout + done.stderr, told.read_text() if told.exists() else ""

    return run


def test_dags_test__no_trading_day__skipped_with_a_message(airflow):
    code, output, _ = airflow("2024-10-26")
    assert code == 0
    assert "2024-10-26 is no trading day of XSHG" in output


def test_dags_test__required_feed_missing_past_its_deadline__fails_with_one_line(airflow):
    code, _, told = airflow("2024-10-25")
    assert code == 1
    failed = [line for line in told.splitlines() if "FAILED" in line]
    assert len(failed) == 1
    assert "2024-10-25: no manifest by its deadline" in failed[0]


def test_dags_test__backfill_from_a_table_on_unpublished_nights__fails_at_its_check_with_one_line(airflow):
    code, _, told = airflow("2024-10-28", "backfill", first="2024-10-24", last="2024-10-25", from_table="gold.rfm")
    assert code == 1
    assert [line.split(":")[0] for line in told.splitlines()] == ["check"]
    assert "check: FAILED backfill from gold.rfm: night 2024-10-24 is not published yet" in told


def test_dags_test__maintenance_of_an_empty_lake__fails_with_one_line(airflow):
    code, _, told = airflow("2024-10-26", "maintenance_weekly")
    assert code == 1
    assert told.splitlines() == [
        "maintain: started",
        "maintain: FAILED maintain: nothing is published yet, so there is nothing to keep",
    ]
