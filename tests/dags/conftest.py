"""Airflow in a scratch folder: set before anything imports it."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path

import pytest

SCRATCH = Path(tempfile.mkdtemp(prefix="brokerlake-airflow-"))
os.environ["AIRFLOW_HOME"] = str(SCRATCH)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{SCRATCH / 'airflow.db'}"
os.environ["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] = "False"


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
