"""A Spark Connect server of our own on this machine: started, found and stopped by a name.

One record a server in `.brokerlake/spark/servers/<name>.json`, readable by its owner only: address, process, token.
The server listens on the loopback interface and asks every client for the token, since a client may run any code.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
from pyspark.find_spark_home import _find_spark_home

from brokerlake.errors import BrokerlakeError
from brokerlake.session import REMOTE_VARIABLE, java_home, jvm_options, session_settings, static_settings
from brokerlake.settings import Settings

TOKEN_VARIABLE = "SPARK_CONNECT_AUTHENTICATE_TOKEN"
SERVER_CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"
START_SECONDS = 120.0
STOP_SECONDS = 30.0
LOOK_SECONDS = 0.2


class ServerError(BrokerlakeError):
    """A Spark Connect server did not come up."""


@dataclass(frozen=True)
class Server:
    """A server that was started.

    Attributes:
        pid: its process, which leads a process group of its own.
        started: when that process began, in seconds since 1970; a pid alone may be another process's by now.
    """

    port: int
    pid: int
    started: float
    token: str = field(repr=False)

    @property
    def address(self) -> str:
        """What SPARK_REMOTE says; pyspark takes a token without TLS for the name localhost only."""
        return f"sc://localhost:{self.port}"

    @property
    def is_alive(self) -> bool:
        """True while its process runs."""
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.started) < 1
            return is_same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def _record(settings: Settings, name: str) -> Path:
    return settings.private / "spark" / "servers" / f"{name}.json"


@contextmanager
def _locked(settings: Settings, name: str) -> Iterator[Path]:
    """The record's path; two tasks never start or stop the same server at once."""
    record = _record(settings, name)
    record.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with record.with_suffix(".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield record


def _read(record: Path) -> Server | None:
    return Server(**json.loads(record.read_text(encoding="utf-8"))) if record.exists() else None


def start_server(settings: Settings, name: str) -> Server:
    """The running server of that name, started when there is none; raises ServerError with the log's name."""
    with _locked(settings, name) as record:
        there = _read(record)
        if there and there.is_alive:
            return there
        server = _start(settings, name)
        handle = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(server), file)
        return server


def use_server(settings: Settings, name: str) -> Server:
    """`start_server`, and this process's sessions are clients of it from now on."""
    server = start_server(settings, name)
    os.environ[REMOTE_VARIABLE] = server.address
    os.environ[TOKEN_VARIABLE] = server.token
    return server


def stop_server(settings: Settings, name: str) -> bool:
    """End the server of that name and wait for its end; False when none ran."""
    with _locked(settings, name) as record:
        server = _read(record)
        record.unlink(missing_ok=True)
        if server is None or not server.is_alive:
            return False
        process = psutil.Process(server.pid)
        processes = [process, *process.children(recursive=True)]
        process.terminate()
        _, left = psutil.wait_procs(processes, timeout=STOP_SECONDS)
        for one in left:
            one.kill()
        psutil.wait_procs(left, timeout=STOP_SECONDS)
        return True


def stop_all(settings: Settings) -> None:
    """End every server of this lake."""
    for record in (settings.private / "spark" / "servers").glob("*.json"):
        stop_server(settings, record.stem)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def server_command(settings: Settings, port: int) -> list[str]:
    """spark-submit of a Connect server with the profile's master, heap and settings."""
    spark = settings.conf["spark"]
    values = {
        **static_settings(settings),
        **session_settings(settings),
        "spark.log.level": str(spark.get("log_level", "ERROR")),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
    }
    command = [str(Path(_find_spark_home()) / "bin" / "spark-submit"), "--class", SERVER_CLASS]
    command += ["--master", str(spark["master"]), "--name", "brokerlake"]
    command += ["--driver-memory", str(spark.get("heap", "2g")), "--driver-java-options", jvm_options(settings)]
    for key, value in values.items():
        command += ["--conf", f"{key}={value}"]
    return [*command, "spark-internal"]


def server_environment(settings: Settings, token: str) -> dict[str, str]:
    """Variables of the server's process: Java, the Python of its workers with this project in it, the token."""
    inherited = {k: v for k, v in os.environ.items() if k not in (REMOTE_VARIABLE, "PYSPARK_SUBMIT_ARGS")}
    inherited.pop("SPARK_CONNECT_MODE_ENABLED", None)
    return {
        **inherited,
        "JAVA_HOME": str(java_home(settings)),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(settings.project), os.environ.get("PYTHONPATH")])),
        "SPARK_LOCAL_IP": "127.0.0.1",
        TOKEN_VARIABLE: token,
    }


def _start(settings: Settings, name: str) -> Server:
    settings.logs.mkdir(parents=True, exist_ok=True)
    log, port, token = settings.logs / f"spark-connect-{name}.log", _free_port(), secrets.token_urlsafe(32)
    with log.open("ab") as out:
        process = subprocess.Popen(
            server_command(settings, port),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=settings.home,
            env=server_environment(settings, token),
            start_new_session=True,
        )
    server = Server(port, process.pid, psutil.Process(process.pid).create_time(), token)
    began = time.monotonic()
    while not _listens(port):
        if process.poll() is not None:
            raise ServerError(f"spark connect server {name}: ended with code {process.returncode}; see {log}")
        if time.monotonic() - began > START_SECONDS:
            process.kill()
            raise ServerError(f"spark connect server {name}: does not listen after {START_SECONDS:.0f} s; see {log}")
        time.sleep(LOOK_SECONDS)
    return server


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
