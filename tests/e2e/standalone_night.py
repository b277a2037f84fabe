"""A night of the profile `standalone`: Airflow's real scheduler, and a Spark Connect server the DAG starts and stops.

Run by a test, and by hand: `python -m tests.e2e.standalone_night FOLDER` makes a small lake there and runs its night.
"""

from __future__ import annotations

import socket
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from brokerlake.airflow_server import PROFILE, Airflow, AirflowError, airflow_running
from brokerlake.lake import open_lake
from brokerlake.release.releases import current_release
from brokerlake.settings import Settings, load_settings
from tests.e2e.profiles import write_conf
from tests.faults import small_lake

DAG = "/api/v2/dags/nightly"
NIGHT_SECONDS, PARSE_SECONDS, LOOK_SECONDS = 900.0, 180.0, 2.0


@dataclass(frozen=True)
class Outcome:
    """How a DAG run ended: its state and that of each task."""

    state: str
    tasks: dict[str, str | None]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def trigger(airflow: Airflow, night: date) -> str:
    """Unpause the DAG once it is known, and ask for the night; the run's id."""
    began = time.monotonic()
    while True:
        try:
            airflow.ask("PATCH", DAG, {"is_paused": False})
            break
        except AirflowError:
            airflow.check_parts()
            if time.monotonic() - began > PARSE_SECONDS:
                raise
            time.sleep(LOOK_SECONDS)
    asked = {"logical_date": None, "conf": {"night": str(night)}}
    return str(airflow.ask("POST", f"{DAG}/dagRuns", asked)["dag_run_id"])


def wait(airflow: Airflow, run: str) -> Outcome:
    """The run's end; raises AirflowError when it takes too long or a part of Airflow ends."""
    began = time.monotonic()
    while (state := airflow.ask("GET", f"{DAG}/dagRuns/{run}")["state"]) not in ("success", "failed"):
        airflow.check_parts()
        if time.monotonic() - began > NIGHT_SECONDS:
            raise AirflowError(f"night: still {state} after {NIGHT_SECONDS:.0f} s: {_tasks(airflow, run)}")
        time.sleep(LOOK_SECONDS)
    return Outcome(state, _tasks(airflow, run))


def _tasks(airflow: Airflow, run: str) -> dict[str, str | None]:
    found: list[dict[str, Any]] = airflow.ask("GET", f"{DAG}/dagRuns/{run}/taskInstances")["task_instances"]
    return {task["task_id"]: task["state"] for task in found}


def run_night(settings: Settings, night: date) -> Outcome:
    """The night by a scheduler that is started and ended for it."""
    with airflow_running(settings, free_port()) as airflow:
        return wait(airflow, trigger(airflow, night))


def main(folder: Path) -> int:
    """A small lake in `folder` and its first night; 0 when the night is published."""
    settings = load_settings(home=folder / "home", profile=PROFILE, conf=write_conf(folder / "conf"))
    night = small_lake.land(open_lake(settings), seed=1, history=0, count=1).nights[0]
    outcome = run_night(settings, night)
    release = current_release(settings)
    print(outcome.state, outcome.tasks, release and release.night)
    return 0 if release is not None and release.night == night else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
