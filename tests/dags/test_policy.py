"""What holds for every DAG of the folder, and the edges as reviewed in edges.txt."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.sdk.exceptions import ParamValidationError

from brokerlake.catalog import load_catalogue
from brokerlake.schedule.tasks import report_failure

EDGES = Path(__file__).with_name("edges.txt")
FIRST_TASKS = pytest.mark.parametrize(("dag_id", "first"), [("nightly", "deliveries"), ("backfill", "check")])
PARSE = """
import json, sys, time
from airflow.sdk import DAG, Asset, CronTriggerTimetable, Param, get_current_context, task
import airflow.sdk.bases.sensor
before = set(sys.modules)
began = time.process_time()
import runpy
for file in sys.argv[1:]:
    runpy.run_path(file)
spent = time.process_time() - began
print(json.dumps([spent, sorted({name.split(".")[0] for name in set(sys.modules) - before})]))
"""


def all_tasks(dags):
    return [(dag.dag_id, task) for dag in dags.values() for task in dag.tasks]


def test_dags__the_folder__nights_ranges_and_upkeep(dags):
    assert sorted(dags) == ["backfill", "maintenance_weekly", "nightly"]


def test_tasks__every_one__owner_retry_text_and_callback(dags):
    for dag_id, task in all_tasks(dags):
        where = f"{dag_id}.{task.task_id}"
        assert task.owner not in ("", "airflow"), where
        assert task.retries == 1, where
        assert task.doc_md, where
        callbacks = task.on_failure_callback
        assert report_failure in (callbacks if isinstance(callbacks, list | tuple) else [callbacks]), where


def test_dags__every_one__one_run_at_a_time_no_catchup_no_cycle_and_a_text(dags):
    for dag in dags.values():
        assert dag.max_active_runs == 1
        assert not dag.catchup
        assert dag.doc_md
        assert len(dag.topological_sort()) == len(dag.tasks)


def reviewed_edges(first: str) -> list[str]:
    """The lines of edges.txt, where `deliveries` stands for the DAG's first task."""
    lines = EDGES.read_text(encoding="utf-8").splitlines()
    return sorted(line.replace("deliveries ->", f"{first} ->") for line in lines)


@FIRST_TASKS
def test_groups__edges__as_reviewed(dags, dag_id, first):
    found = [f"{task.task_id} -> {below}" for task in dags[dag_id].tasks for below in task.downstream_task_ids]
    assert sorted(found) == reviewed_edges(first)


@FIRST_TASKS
def test_groups__of_the_catalogue__one_task_each_behind_the_sources_of_its_tables(dags, project, dag_id, first):
    catalogue = load_catalogue(project / "data_catalog.yaml")
    dag = dags[dag_id]
    assert {task.task_id for task in dag.tasks} == {first, *catalogue.groups}
    for above, below in catalogue.group_edges:
        assert above in dag.get_task(below).get_flat_relative_ids(upstream=True), (above, below)
    everything = set(catalogue.groups) - {"publish", "report"}
    assert everything < dag.get_task("publish").get_flat_relative_ids(upstream=True)
    assert [task.task_id for task in dag.roots] == [first]
    assert [task.task_id for task in dag.leaves] == ["report"]


@FIRST_TASKS
def test_groups__task_text__lists_tables_owner_and_tier(dags, project, dag_id, first):
    catalogue = load_catalogue(project / "data_catalog.yaml")
    for table in catalogue.tables.values():
        task = dags[dag_id].get_task(table.group)
        assert f"| {table.name} | {table.owner} | {table.impact} |" in task.doc_md
        assert table.owner in task.owner.split(", ")


@FIRST_TASKS
def test_publish__assets__the_public_gold_tables_and_no_other_task_has_any(dags, project, dag_id, first):
    catalogue = load_catalogue(project / "data_catalog.yaml")
    wanted = {table.name for table in catalogue.of_layer("gold") if table.public}
    outlets = {task.task_id: {asset.name for asset in task.outlets} for task in dags[dag_id].tasks if task.outlets}
    assert outlets == {"publish": wanted}


def test_backfill__parameters__dates_are_required(dags):
    params = dags["backfill"].params
    assert set(params) == {"first", "last", "from_table", "as_of"}
    for name in ("first", "last"):
        with pytest.raises(ParamValidationError):
            params.get_param(name).resolve()
    assert (params["from_table"], params["as_of"]) == (None, "all")


def test_dags__their_code__never_takes_the_date_in_utc_that_airflow_calls_ds(project):
    files = [*(project / "dags").glob("*.py"), *(project / "brokerlake" / "schedule").glob("*.py")]
    assert len(files) > 2
    for file in files:
        code = file.read_text(encoding="utf-8")
        assert not re.search(r"\{\{|[\"']ds(_nodash)?[\"']|\bds\s*=", code), file.name


def test_nightly__schedule__weekday_evenings_in_the_market_zone(dags):
    timetable = dags["nightly"].schedule
    assert str(timetable.timezone) == "Asia/Shanghai"
    assert timetable.expression.endswith("MON-FRI")


def test_maintenance_weekly__schedule_and_task__one_task_on_a_day_without_a_night(dags):
    dag = dags["maintenance_weekly"]
    assert str(dag.schedule.timezone) == "Asia/Shanghai"
    assert dag.schedule.expression.endswith("SAT")
    assert [(task.task_id, task.owner, task.outlets) for task in dag.tasks] == [("maintain", "data-platform", [])]


def test_parsing__the_folder__light_and_quick(project):
    files = [str(file) for file in sorted((project / "dags").glob("*.py"))]
    told = subprocess.run(
        [sys.executable, "-c", PARSE, *files], cwd=project, capture_output=True, text=True, timeout=120, check=True
    )
    import json

    seconds, modules = json.loads(told.stdout.splitlines()[-1])
    assert seconds <= 2.0
    heavy = {"pyspark", "jobs", "pandas", "pyarrow", "deltalake", "duckdb", "great_expectations", "exchange_calendars"}
    assert not heavy & set(modules)
