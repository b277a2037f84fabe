"""A Spark standalone cluster on this machine: a master, two workers of one core, and a Connect server on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
from pyspark.find_spark_home import _find_spark_home

from brokerlake import connect_server
from brokerlake.connect_server import Server
from brokerlake.session import java_home
from brokerlake.settings import Settings, merge
from tests.conftest import PROJECT
from tests.e2e.standalone_night import free_port

WORKERS = 2
EXECUTOR_MEMORY = "640m"
START_SECONDS = 180.0
NAME = "cluster"


def _start(folder: Path, settings: Settings, role: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A master or worker; its executors inherit its environment, so the project and this Python are in it."""
    command = [str(Path(_find_spark_home()) / "bin" / "spark-class")]
    command += [f"org.apache.spark.deploy.{role}", *arguments]
    inherited = {k: v for k, v in os.environ.items() if k not in ("PYSPARK_SUBMIT_ARGS", "SPARK_REMOTE")}
    own = {
        "JAVA_HOME": str(java_home(settings)),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(PROJECT),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(folder / "work"),
        "SPARK_LOCAL_DIRS": str(folder / "scratch"),
    }
    with (folder / f"{role.rpartition('.')[2]}.log").open("ab") as out:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=inherited | own, start_new_session=True
        )


def _wait_for_workers(page: int) -> None:
    began = time.monotonic()
    while time.monotonic() - began < START_SECONDS:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{page}/json", timeout=5) as answer:
                if json.load(answer)["aliveworkers"] == WORKERS:
                    return
        except (OSError, json.JSONDecodeError):
            pass  # nobody answers there yet, or with a page
        time.sleep(0.5)
    raise AssertionError(f"{WORKERS} workers were not there after {START_SECONDS:.0f} s")


@contextmanager
def running(settings: Settings, folder: Path) -> Iterator[Server]:
    """The cluster's Connect server; events are logged to `folder`/events. Every process has ended afterwards."""
    for name in ("events", "work", "scratch"):
        (folder / name).mkdir(parents=True)
    port, page = free_port(), free_port()
    address = f"spark://127.0.0.1:{port}"
    static = {
        "spark.executor.memory": EXECUTOR_MEMORY,
        "spark.executor.cores": "1",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": f"file://{folder}/events",
        "spark.eventLog.rolling.enabled": "false",
        "spark.eventLog.compress": "false",
    }
    on_it = {"spark": {"master": address, "static_settings": static}}
    driver = replace(settings, conf=merge(settings.conf, on_it))
    started = []
    try:
        at = ("--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page))
        started.append(_start(folder, settings, "master.Master", *at))
        for _ in range(WORKERS):
            size = ("--host", "127.0.0.1", "--cores", "1", "--memory", EXECUTOR_MEMORY, "--webui-port", "0")
            started.append(_start(folder, settings, "worker.Worker", *size, address))
        _wait_for_workers(page)
        yield connect_server.start_server(driver, NAME)
    finally:
        connect_server.stop_server(driver, NAME)
        _end(started)


def _end(started: list[subprocess.Popen[bytes]]) -> None:
    """End the parts with what they started; an executor may go by itself meanwhile."""
    processes = [one for part in started for one in [psutil.Process(part.pid), *_below(part.pid)]]
    for process in reversed(processes):
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(processes, timeout=30)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _below(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)
