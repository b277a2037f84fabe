"""The DAGs of the profile `standalone`: the same tasks, and a Spark Connect server started and stopped around them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from brokerlake.catalog import load_catalogue
from brokerlake.schedule.groups import server_edges
from tests.dags.test_policy import FIRST_TASKS, reviewed_edges

EDGES = Path(__file__).with_name("edges_standalone.txt")


@pytest.fixture
def standalone(project: Path, monkeypatch) -> dict:
    """The DAGs of the folder by name, as this profile has them."""
    monkeypatch.setenv("BROKERLAKE_PROFILE", "standalone")
    found = {}
    for file in sorted((project / "dags").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"standalone_{file.stem}", file)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found[module.dag.dag_id] = module.dag
    return found


@FIRST_TASKS
def test_standalone__edges__those_of_every_profile_and_the_servers(standalone, dag_id, first):
    dag = standalone[dag_id]
    found = [f"{task.task_id} -> {below}" for task in dag.tasks for below in task.downstream_task_ids]
    added = [line.replace("deliveries ->", f"{first} ->") for line in EDGES.read_text(encoding="utf-8").splitlines()]
    assert sorted(found) == sorted([*reviewed_edges(first), *added])


@FIRST_TASKS
def test_standalone__server__is_setup_and_teardown_of_every_group_that_needs_spark(standalone, project, dag_id, first):
    dag, catalogue = standalone[dag_id], load_catalogue(project / "data_catalog.yaml")
    start, stop = dag.get_task("spark_server"), dag.get_task("spark_server_stop")
    assert start.is_setup and stop.is_teardown and not stop.on_failure_fail_dagrun
    behind, before = start.get_flat_relative_ids(), stop.get_flat_relative_ids(upstream=True)
    for group in catalogue.groups:
        if any(table.layer != "bronze" for table in catalogue.of_group(group)):
            assert group in behind and group in before, group


def test_server_edges__young_firm__only_groups_that_it_has(project):
    catalogue = load_catalogue(project / "data_catalog.yaml").restrict_to_feeds(
        {"trading_accounts": {}, "trading_executions": {}, "crm_customers": {}}
    )
    opened, closed = server_edges(catalogue)
    building = {group for group in catalogue.groups if any(t.layer != "bronze" for t in catalogue.of_group(group))}
    assert set(opened) | set(closed) <= building and opened and closed


def test_nightly__no_evening_in_the_configuration__starts_only_when_triggered(project, tmp_path, monkeypatch):
    (tmp_path / "base.yaml").write_text("airflow: {evening: null}\n", encoding="utf-8")
    (tmp_path / "feeds.yaml").write_text((project / "conf" / "feeds.yaml").read_text("utf-8"), encoding="utf-8")
    monkeypatch.setenv("BROKERLAKE_CONF", str(tmp_path))
    spec = importlib.util.spec_from_file_location("triggered_nightly", project / "dags" / "nightly.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.dag.schedule is None
