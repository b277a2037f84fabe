"""The same night in every profile: a real scheduler with a Spark Connect server, a cluster of two workers."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psutil
import pytest
from deltalake import DeltaTable

from brokerlake import connect_server
from brokerlake.lake import open_lake
from brokerlake.privacy import current_key
from brokerlake.release.releases import current_release
from brokerlake.settings import Settings
from tests.e2e import nights, profiles, spark_cluster
from tests.e2e.standalone_night import run_night
from tests.faults import small_lake
from tests.faults.small_lake import SmallLake

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("profiles")]
CLEAR = re.compile(r"客户C\d{6}|\b1990\d{7}\b|\bA01\d{8}\b")
"""Names, phones and account numbers of the firm."""


@dataclass(frozen=True)
class Firm:
    """The small lake after a night in a classic session of this process, and its home as it stood before."""

    ran: SmallLake
    before: Path
    conf: Path

    @property
    def night(self) -> date:
        """The night that every profile runs."""
        return self.ran.nights[0]


@pytest.fixture(scope="module")
def firm(spark, test_settings, tmp_path_factory) -> Firm:
    """Read it, copy it; run nothing on it."""
    folder = tmp_path_factory.mktemp("profiles")
    ran = small_lake.make(folder / "ran", test_settings, seed=1, count=1, history=2)
    shutil.copytree(ran.home, folder / "before")
    small_lake.run_night(ran.lake, ran.nights[0])
    return Firm(ran, folder / "before", profiles.write_conf(folder / "conf"))


def rows_of(path: Path) -> Counter[str]:
    return Counter(map(repr, DeltaTable(path).to_pyarrow_table().to_pylist()))


def assert_same(settings: Settings, firm: Firm) -> None:
    """The night is published there as it is here: digests of every table, rows of bronze, identities."""
    release = current_release(settings)
    assert release is not None and release.night == firm.night
    lake = firm.ran.lake
    assert nights.content(open_lake(settings)) == nights.content(lake)
    for name in lake.catalogue.order:
        if name.startswith("bronze."):
            assert rows_of(settings.table_path(name)) == rows_of(lake.settings.table_path(name)), name
    assert rows_of(settings.vault / "identities") == rows_of(lake.settings.vault / "identities")


def test_standalone__night_by_a_real_scheduler__equals_the_classic_night_and_leaves_no_server(firm, tmp_path):
    settings = profiles.copy_to(tmp_path / "home", firm.before, firm.conf, "standalone")
    outcome = run_night(settings, firm.night)
    assert outcome.state == "success" and set(outcome.tasks.values()) == {"success"}
    assert {"spark_server", "spark_server_stop", "publish"} < set(outcome.tasks)
    assert_same(settings, firm)
    log = settings.logs / "spark-connect-nightly.log"
    assert log.exists(), "the night had no server of its own"
    assert not list((settings.private / "spark" / "servers").glob("*.json"))
    assert processes_naming(settings.home) == []
    stores = [file for name in ("logs", ".airflow") for file in (settings.home / name).rglob("*") if file.is_file()]
    assert [f.name for f in stores if CLEAR.search(f.read_bytes().decode("utf-8", "replace"))] == []


def test_cluster__night_on_two_workers_through_connect__equals_the_classic_night(firm, tmp_path):
    settings = profiles.copy_to(tmp_path / "home", firm.before, firm.conf, "cluster")
    with spark_cluster.running(settings, tmp_path / "cluster") as server:
        token = {connect_server.TOKEN_VARIABLE: server.token}
        told = profiles.command(settings, "nightly", "--date", str(firm.night), SPARK_REMOTE=server.address, **token)
    assert "over Spark Connect: bronze in its tasks" in told
    assert_same(settings, firm)
    events = "\n".join(file.read_text(encoding="utf-8") for file in (tmp_path / "cluster" / "events").iterdir())
    assert len(tasks_by_executor(events)) >= spark_cluster.WORKERS
    assert "MapInArrow" in events
    secret = current_key(settings).secret
    logs = "\n".join(f.read_text("utf-8", "replace") for f in (tmp_path / "cluster").rglob("std*") if f.is_file())
    for text in (events, logs):
        assert not CLEAR.search(text)
        assert secret.hex() not in text and server.token not in text


def tasks_by_executor(events: str) -> Counter[str]:
    """Finished tasks by the executor that ran them."""
    parsed = (json.loads(line) for line in events.splitlines())
    return Counter(e["Task Info"]["Executor ID"] for e in parsed if e["Event"] == "SparkListenerTaskEnd")


def processes_naming(folder: Path) -> list[str]:
    """Command lines of living processes that speak of the folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if str(folder) in line:
            found.append(line[:200])
    return found
