"""F19: Airflow is stopped in the middle of a night: no task has succeeded without its commits, a new run finishes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from brokerlake.release.releases import current_release
from brokerlake.setup.airflow_home import DATABASE, airflow_environment, ensure_airflow
from brokerlake.tables import ops
from tests.conftest import PROJECT
from tests.faults import small_lake
from tests.faults.processes import LONGEST_SECONDS, environment

pytestmark = [pytest.mark.spark, pytest.mark.release, pytest.mark.xdist_group("small_lake")]


def start(small, home: Path, log: Path) -> subprocess.Popen[bytes]:
    variables = {**environment(small), **airflow_environment(home, PROJECT / "dags")}
    command = [sys.executable, "-m", "airflow", "dags", "test", "nightly", str(small.nights[0])]
    with log.open("w") as out:
        return subprocess.Popen(command, env=variables, cwd=PROJECT, stdout=out, stderr=out, start_new_session=True)


def passed(small) -> set[str]:
    """Tables of the night with a passed step in the ledger."""
    rows = ops.read_ops(small.lake.settings, "ledger").to_pylist()
    run_id = f"nightly:{small.nights[0]}"
    return {row["table_name"] for row in rows if row["run_id"] == run_id and row["verdict"] == "passed"}


def succeeded(home: Path) -> set[str]:
    """Tasks that Airflow shows as succeeded."""
    with sqlite3.connect(home / DATABASE) as database:
        return {task for (task,) in database.execute("SELECT task_id FROM task_instance WHERE state = 'success'")}


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
def test_airflow__stopped_in_the_night__shows_no_success_without_its_commit_and_finishes(
    copy, undisturbed, tmp_path, by
):
    small, home, log = copy(), tmp_path / "airflow", tmp_path / "night.log"
    before = current_release(small.lake.settings)
    ensure_airflow(home, PROJECT / "dags", Path(sys.executable), tmp_path / "migrate.log")
    process = start(small, home, log)
    for _ in range(LONGEST_SECONDS * 5):
        if sum(table.startswith("silver.") for table in passed(small)) >= 3:
            break
        assert process.poll() is None, log.read_text()[-3000:]
        time.sleep(0.2)
    os.killpg(process.pid, by)
    assert process.wait(timeout=LONGEST_SECONDS) != 0
    assert current_release(small.lake.settings) == before
    finished, done = succeeded(home), passed(small)
    tables = {name for group in finished for name in [t.name for t in small.lake.catalogue.of_group(group)]}
    assert tables <= done
    assert not {"publish", "report"} & finished

    process = start(small, home, log)
    assert process.wait(timeout=LONGEST_SECONDS) == 0, log.read_text()[-3000:]
    assert small_lake.content(small.lake) == undisturbed.after
