"""`python3 -m brokerlake.setup`: everything the first night needs; what is there already is left alone."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from brokerlake.setup.airflow_home import ensure_airflow
from brokerlake.setup.archive import ensure_archive
from brokerlake.setup.environment import (
    check_python,
    ensure_packages,
    ensure_project,
    python_of,
    spark_jars,
)
from brokerlake.setup.jars import ensure_jars
from brokerlake.setup.java import ensure_java
from brokerlake.setup.progress import SetupError, run_logged, say, step

PROJECT = Path(__file__).resolve().parent.parent.parent


def _prepare_spark(project: Path, venv: Path, java: Path, logs: Path) -> None:
    tools = project / ".brokerlake"
    with step("jars of jars.lock"):
        ensure_jars(project / "jars.lock", tools, java, spark_jars(venv), logs / "setup-jars.log")
    with step("class-data archive"):
        ensure_archive(project, python_of(venv), java, spark_jars(venv), logs / "setup-archive.log")


def _prepare_airflow(project: Path, venv: Path, logs: Path) -> None:
    with step("Airflow's database"):
        home, dags = project / ".airflow", project / "dags"
        ensure_airflow(home, dags, python_of(venv), logs / "setup-airflow.log")


def install(project: Path) -> None:
    """All steps, in order; Airflow's database is migrated beside the Spark steps.

    Raises:
        SetupError: a step could not be done.
    """
    venv, logs = project / ".venv", project / "logs"
    check_python()
    with step("packages of requirements.lock in .venv"):
        ensure_packages(project / "requirements.lock", venv, logs / "setup-packages.log")
        ensure_project(project, venv)
    with step("Java 17"):
        java = ensure_java(project / ".brokerlake", logs / "setup-java.log")
    with step("token key"):
        command = [str(python_of(venv)), "-m", "brokerlake.setup.token_key"]
        run_logged("token key", command, logs / "setup-key.log", cwd=project)
    with ThreadPoolExecutor(max_workers=2) as pool:
        parts = [
            pool.submit(_prepare_spark, project, venv, java, logs),
            pool.submit(_prepare_airflow, project, venv, logs),
        ]
        for part in parts:
            part.result()


def main() -> int:
    """Exit code 0 when everything is there, else 1 after one line that says what is missing."""
    try:
        install(PROJECT)
    except SetupError as fault:
        print(f"setup: {fault}", file=sys.stderr)
        return 1
    say("setup: complete; no network is needed from here on")
    return 0


if __name__ == "__main__":
    sys.exit(main())
