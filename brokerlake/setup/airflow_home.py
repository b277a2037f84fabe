"""Airflow's folder: a SQLite database and a configuration that keeps it quiet, local and offline."""

from __future__ import annotations

import os
from pathlib import Path

from brokerlake.setup.progress import SetupError, run_logged

DATABASE = "airflow.db"
OFFLINE = {"SCARF_ANALYTICS": "false", "DO_NOT_TRACK": "1"}


def deviations(home: Path, dags: Path) -> dict[str, dict[str, str]]:
    """What differs from Airflow's defaults, by section."""
    return {
        "core": {
            "dags_folder": str(dags),
            "load_examples": "False",
            "executor": "LocalExecutor",
            "parallelism": "4",
        },
        "database": {"sql_alchemy_conn": f"sqlite:///{home / DATABASE}"},
        "logging": {"base_log_folder": str(home / "logs"), "colored_console_log": "False"},
        "usage_data_collection": {"enabled": "False"},
        "api": {"workers": "1"},
        "metrics": {"statsd_on": "False"},
        "traces": {"otel_on": "False"},
    }


def configuration(home: Path, dags: Path) -> str:
    """The text of airflow.cfg, for whoever calls Airflow with AIRFLOW_HOME alone."""
    lines = []
    for section, values in deviations(home, dags).items():
        lines += [f"[{section}]", *(f"{key} = {value}" for key, value in values.items()), ""]
    return "\n".join(lines)


def airflow_environment(home: Path, dags: Path) -> dict[str, str]:
    """Variables under which Airflow uses this folder and tells nobody about it.

    Every setting is repeated as a variable, since one of another Airflow in the caller's environment would win over
    airflow.cfg, and its database would be migrated instead of ours.
    """
    settings = {
        f"AIRFLOW__{section.upper()}__{key.upper()}": value
        for section, values in deviations(home, dags).items()
        for key, value in values.items()
    }
    return {"AIRFLOW_HOME": str(home), **settings, **OFFLINE}


def ensure_airflow(home: Path, dags: Path, python: Path, log: Path) -> None:
    """A configured folder with a migrated database; only the configuration is written when it is there.

    Raises:
        SetupError: the migration failed; the half-made database is removed.
    """
    home.mkdir(parents=True, exist_ok=True)
    (home / "airflow.cfg").write_text(configuration(home, dags), encoding="utf-8")
    finished = home / "migrated"
    if finished.exists() and (home / DATABASE).exists():
        return
    for part in home.glob(f"{DATABASE}*"):
        part.unlink()
    command = [str(python), "-m", "airflow", "db", "migrate"]
    try:
        run_logged("migrating Airflow's database", command, log, airflow_environment(home, dags))
    except SetupError:
        for part in home.glob(f"{DATABASE}*"):
            os.unlink(part)
        raise
    finished.touch()
