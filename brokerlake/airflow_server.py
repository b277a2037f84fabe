"""`make airflow`: Airflow's scheduler, DAG processor and UI for the profile `standalone`, started and ended together.

Everything listens on the loopback interface. The database is the SQLite one of the lake's `.airflow/`; the password of
the user `admin` is made once and lies beside it, the secrets between the processes live as long as they do.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from brokerlake.connect_server import stop_all
from brokerlake.demo import environment
from brokerlake.errors import BrokerlakeError
from brokerlake.settings import PROFILE_VARIABLE, Settings, load_settings
from brokerlake.setup.airflow_home import airflow_environment, ensure_airflow
from brokerlake.setup.progress import SetupError

PROFILE = "standalone"
PORT = 8080
PORT_VARIABLE = "BROKERLAKE_AIRFLOW_PORT"
USER = "admin"
PARTS = ("scheduler", "dag-processor", "api-server")
START_SECONDS, STOP_SECONDS, LOOK_SECONDS = 300.0, 30.0, 1.0
PASSWORDS = "passwords.json"


class AirflowError(BrokerlakeError):
    """A part of Airflow did not come up, ended by itself, or refused a request."""


@dataclass
class Airflow:
    """Airflow under way, and its API.

    Attributes:
        parts: its processes by name, each at the head of a process group of its own.
    """

    port: int
    password: str = field(repr=False)
    logs: Path
    parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, repr=False)
    _token: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """Where UI and API are."""
        return f"http://localhost:{self.port}"

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer of Airflow's API as parsed JSON; raises AirflowError with path and status, or no answer."""
        if self._token is None and path != "/auth/token":
            given = self.ask("POST", "/auth/token", {"username": USER, "password": self.password})
            self._token = given["access_token"]
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self._token}"} if self._token else {}
        )
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.address + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise AirflowError(f"airflow: {method} {path}: status {refused.code}") from refused
        except OSError as silent:
            raise AirflowError(f"airflow: {method} {path}: no answer") from silent

    def check_parts(self) -> None:
        """Raise AirflowError when a part has ended."""
        for name, process in self.parts.items():
            if process.poll() is not None:
                raise AirflowError(f"airflow {name}: ended with code {process.returncode}; see {self.logs}/{name}.log")

    def is_healthy(self) -> bool:
        """True when scheduler and DAG processor report themselves and the API answers."""
        try:
            with urllib.request.urlopen(f"{self.address}/api/v2/monitor/health", timeout=10) as answer:
                health = json.load(answer)
        except OSError:
            return False
        return all((health.get(name) or {}).get("status") == "healthy" for name in ("scheduler", "dag_processor"))


def _password(home: Path) -> str:
    """The password of the user, made the first time; the file is readable by its owner only."""
    path = home / PASSWORDS
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({USER: secrets.token_urlsafe(12)}, file)
    return str(json.loads(path.read_text(encoding="utf-8"))[USER])


def _variables(settings: Settings, home: Path, port: int) -> dict[str, str]:
    address = f"http://localhost:{port}"
    own = {
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / PASSWORDS),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
        "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(48),
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(settings.project), os.environ.get("PYTHONPATH")])),
    }
    return {**os.environ, **environment(settings), **airflow_environment(home, settings.project / "dags"), **own}


@contextmanager
def airflow_running(settings: Settings, port: int = PORT) -> Iterator[Airflow]:
    """Airflow on this lake, healthy; every process of it has ended when the block is left, the Spark servers too.

    Raises:
        AirflowError: the port is taken, a part ended, or Airflow was not healthy in time; names the log.
    """
    _refuse_taken(port)
    home, logs = settings.home / ".airflow", settings.logs / "airflow"
    logs.mkdir(parents=True, exist_ok=True)
    ensure_airflow(home, settings.project / "dags", Path(sys.executable), settings.logs / "setup-airflow.log")
    airflow = Airflow(port, _password(home), logs)
    variables = _variables(settings, home, port)
    try:
        for name in PARTS:
            airflow.parts[name] = _start(name, variables, settings.project, logs)
        _wait_until_healthy(airflow)
        yield airflow
    finally:
        _end(airflow)
        stop_all(settings)


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise AirflowError(f"airflow: port {port} is taken; {PORT_VARIABLE} chooses another")


def _start(name: str, variables: Mapping[str, str], folder: Path, logs: Path) -> subprocess.Popen[bytes]:
    """One part in a session of its own, so that Ctrl-C in the terminal reaches only who ends them in order."""
    command = [sys.executable, "-m", "airflow", name]
    with (logs / f"{name}.log").open("ab") as out:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, env=variables, start_new_session=True
        )


def _wait_until_healthy(airflow: Airflow) -> None:
    began = time.monotonic()
    while not airflow.is_healthy():
        airflow.check_parts()
        if time.monotonic() - began > START_SECONDS:
            raise AirflowError(f"airflow: not healthy after {START_SECONDS:.0f} s; see {airflow.logs}")
        time.sleep(LOOK_SECONDS)


def _end(airflow: Airflow) -> None:
    """End all parts with every process below them, tasks too."""
    processes: list[psutil.Process] = []
    for part in airflow.parts.values():
        if part.poll() is None:
            parent = psutil.Process(part.pid)
            processes += [parent, *parent.children(recursive=True)]
    for part in airflow.parts.values():
        if part.poll() is None:
            part.send_signal(signal.SIGTERM)
    _, left = psutil.wait_procs(processes, timeout=STOP_SECONDS)
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=STOP_SECONDS)


def main() -> int:
    """Run Airflow until Ctrl-C; 1 after one line when it could not run."""
    os.environ.setdefault(PROFILE_VARIABLE, PROFILE)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    port = int(os.environ.get(PORT_VARIABLE, PORT))
    try:
        print("Starting Airflow's scheduler, DAG processor and UI", flush=True)
        with airflow_running(load_settings(), port) as airflow:
            print(f"Airflow: {airflow.address}  user {USER}  password {airflow.password}")
            print("Unpause the DAG nightly there, or trigger it with a night. Ctrl-C ends everything.", flush=True)
            while True:
                airflow.check_parts()
                time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        print("Airflow has ended")
        return 0
    except (BrokerlakeError, SetupError) as error:
        print(f"brokerlake: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
