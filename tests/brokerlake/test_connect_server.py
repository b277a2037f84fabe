"""A Spark Connect server of our own: one a name, closed to others, started again when it died, gone when stopped."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from brokerlake import connect_server as servers
from brokerlake.connect_server import ServerError, start_server, stop_all, stop_server
from brokerlake.errors import ConfigurationError
from brokerlake.session import open_session
from brokerlake.settings import Settings, load_settings, merge
from tests.conftest import PROJECT
from tests.e2e.profiles import SPARK

CLIENT = """
from brokerlake.session import open_session
from brokerlake.settings import load_settings
print(open_session(load_settings()).range(3).count())
"""


@pytest.fixture
def settings(tmp_path) -> Settings:
    loaded = load_settings(home=tmp_path, profile="standalone")
    loaded.conf["spark"].update(SPARK)  # type: ignore[attr-defined]
    return loaded


def ask(settings: Settings, **variables: str) -> subprocess.CompletedProcess[str]:
    """Three rows counted by a client in a process of its own."""
    own = {"BROKERLAKE_HOME": str(settings.home), "BROKERLAKE_PROFILE": settings.profile, "PYTHONPATH": str(PROJECT)}
    known = {k: v for k, v in os.environ.items() if k not in (servers.TOKEN_VARIABLE, "SPARK_REMOTE")}
    return subprocess.run(
        [sys.executable, "-c", CLIENT], env={**known, **own, **variables}, capture_output=True, text=True, timeout=300
    )


@pytest.mark.spark
@pytest.mark.slow
def test_server__its_life__one_a_name_closed_to_others_started_again_and_gone(settings):
    try:
        server = start_server(settings, "nightly")
        assert start_server(settings, "nightly") == server
        record = settings.private / "spark" / "servers" / "nightly.json"
        assert record.stat().st_mode & 0o077 == 0
        assert server.token not in " ".join(psutil.Process(server.pid).cmdline())
        with_name = ask(settings, BROKERLAKE_SPARK_SERVER="nightly")
        assert with_name.stdout.split() == ["3"], with_name.stderr[-2000:]
        without_token = ask(settings, SPARK_REMOTE=server.address.replace("localhost", "127.0.0.1"))
        assert without_token.returncode != 0 and "UNAUTHENTICATED" in without_token.stderr
        psutil.Process(server.pid).kill()
        psutil.wait_procs([psutil.Process(server.pid)] if psutil.pid_exists(server.pid) else [], timeout=30)
        again = start_server(settings, "nightly")
        assert again.pid != server.pid and again.is_alive
        assert stop_server(settings, "nightly")
        assert not again.is_alive and not record.exists()
        assert not stop_server(settings, "nightly")
    finally:
        stop_all(settings)


def test_start_server__it_ends_at_once__one_line_names_the_log(settings, tmp_path):
    settings.conf["spark"]["heap"] = "not a size"
    with pytest.raises(ServerError, match=r"spark connect server nightly: ended with code \d+; see .*nightly.log$"):
        start_server(settings, "nightly")
    assert not stop_server(settings, "nightly")


def test_open_session__profile_cluster_without_an_address__refused_in_one_line(tmp_path, monkeypatch):
    for name in ("SPARK_REMOTE", "BROKERLAKE_SPARK_SERVER"):
        monkeypatch.delenv(name, raising=False)
    cluster = load_settings(home=tmp_path, profile="cluster")
    with pytest.raises(ConfigurationError, match="profile cluster: SPARK_REMOTE names no Spark Connect server"):
        open_session(cluster)


def test_server_command__settings_of_profile_and_session__reach_the_jvm(settings):
    changed = merge(settings.conf, {"spark": {"static_settings": {"spark.executor.memory": "640m"}}})
    line = " ".join(
        servers.server_command(
            Settings(settings.project, settings.home, "standalone", settings.conf_folder, changed), 15002
        )
    )
    for part in ("spark.executor.memory=640m", "spark.sql.session.timeZone=UTC", "binding.address=127.0.0.1"):
        assert part in line
