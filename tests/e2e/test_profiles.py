"""The same night in every profile: a real scheduler with a Spark Connect server, a cluster of two workers."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import psutil
import pytest
from deltalake import DeltaTable

from brokerlake import connect_server
from brokerlake.lake import Lake, open_lake
from brokerlake.privacy import current_key
from brokerlake.release.releases import current_release
from brokerlake.settings import Settings, load_settings
from tests.e2e import nights, spark_cluster, young_firm
from tests.e2e.standalone_night import run_night

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("profiles")]
CLEAR = ("Buyer C0", "AC0")
"""How the firm's names and account numbers begin."""


@pytest.fixture(scope="module")
def firm(spark, tmp_path_factory) -> tuple[Lake, Path]:
    """The firm after two nights of a classic session in this process, and a copy of it as it stood after one."""
    folder = tmp_path_factory.mktemp("profiles")
    conf = young_firm.write_conf(folder / "conf")
    lake = open_lake(young_firm.make(folder / "local", conf, "local"))
    nights.night(lake, young_firm.FIRST)
    shutil.copytree(lake.settings.home, folder / "after_one")
    nights.night(lake, young_firm.SECOND)
    return lake, folder / "after_one"


def copy_of(firm: tuple[Lake, Path], home: Path, profile: str) -> Settings:
    """The firm after one night in a home of its own, in another profile."""
    shutil.copytree(firm[1], home)
    return load_settings(home=home, profile=profile, conf=firm[0].settings.conf_folder)


def rows_of(path: Path) -> Counter[str]:
    return Counter(map(repr, DeltaTable(path).to_pyarrow_table().to_pylist()))


def assert_same(settings: Settings, lake: Lake) -> None:
    """The last night is published there as it is here: digests of every table, rows of bronze, identities."""
    release = current_release(settings)
    assert release is not None and release.night == young_firm.SECOND
    assert nights.content(open_lake(settings)) == nights.content(lake)
    for name in lake.catalogue.order:
        if name.startswith("bronze."):
            assert rows_of(settings.table_path(name)) == rows_of(lake.settings.table_path(name)), name
    assert rows_of(settings.vault / "identities") == rows_of(lake.settings.vault / "identities")


def test_standalone__night_by_a_real_scheduler__equals_the_classic_night_and_leaves_no_server(firm, tmp_path):
    settings = copy_of(firm, tmp_path / "home", "standalone")
    outcome = run_night(settings, young_firm.SECOND)
    assert outcome.state == "success" and set(outcome.tasks.values()) == {"success"}
    assert {"spark_server", "spark_server_stop", "publish"} < set(outcome.tasks)
    assert_same(settings, firm[0])
    log = settings.logs / "spark-connect-nightly.log"
    assert log.exists(), "the night had no server of its own"
    assert not list((settings.private / "spark" / "servers").glob("*.json"))
    assert processes_naming(settings.home) == []


def test_cluster__night_on_two_workers_through_connect__equals_the_classic_night(firm, tmp_path):
    settings = copy_of(firm, tmp_path / "home", "cluster")
    with spark_cluster.running(settings, tmp_path / "cluster") as server:
        token = {connect_server.TOKEN_VARIABLE: server.token}
        told = young_firm.command(
            settings, "nightly", "--date", str(young_firm.SECOND), SPARK_REMOTE=server.address, **token
        )
    assert "over Spark Connect: bronze in its tasks" in told
    assert_same(settings, firm[0])
    events = "\n".join(file.read_text(encoding="utf-8") for file in (tmp_path / "cluster" / "events").iterdir())
    assert tasks_by_executor(events).keys() == {"0", "1"}
    assert any("mapInArrow" in line or "PythonMapInArrow" in line for line in events.splitlines())
    secret = current_key(settings).secret
    logs = "\n".join(f.read_text("utf-8", "replace") for f in (tmp_path / "cluster").rglob("std*") if f.is_file())
    for text in (events, logs):
        assert not [clear for clear in (*CLEAR, secret.hex(), server.token) if clear in text]


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
