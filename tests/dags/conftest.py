"""Airflow in a scratch folder: set before anything imports it."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path

import pytest

from brokerlake.setup.airflow_home import configuration

PROJECT = Path(__file__).resolve().parent.parent.parent
SCRATCH = Path(tempfile.mkdtemp(prefix="brokerlake-airflow-"))
os.environ["AIRFLOW_HOME"] = str(SCRATCH)
(SCRATCH / "airflow.cfg").write_text(configuration(SCRATCH, PROJECT / "dags"), encoding="utf-8")


@pytest.fixture(scope="session")
def dags(project: Path) -> dict:
    """The DAGs of the folder by name."""
    found = {}
    for file in sorted((project / "dags").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"dag_file_{file.stem}", file)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found[module.dag.dag_id] = module.dag
    return found
