"""What the DAG files share: their arguments, and one task per group of the catalogue with its edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Asset, get_current_context, setup, task, teardown

from brokerlake.catalog import Catalogue
from brokerlake.lake import configured_catalogue
from brokerlake.schedule.groups import PLATFORM, PUBLISH, GroupTask, night_tasks, public_gold, server_edges
from brokerlake.schedule.tasks import (
    PER_DAG_RUN,
    START_SERVER,
    STOP_SERVER,
    report_failure,
    start_spark_server,
    stop_spark_server,
)
from brokerlake.settings import Settings

GroupWork = Callable[[str, Mapping[str, Any]], None]
"""What a task does: takes the group's name and Airflow's context."""


def scheduled_catalogue(settings: Settings) -> Catalogue:
    """The tables of the lake; reads YAML only."""
    return configured_catalogue(settings)


def dag_arguments(settings: Settings) -> dict[str, Any]:
    """Arguments of every DAG that publishes: one run at a time, no catch-up, owner, retry, callback."""
    return {
        "start_date": datetime(1990, 1, 1, tzinfo=ZoneInfo(settings.time_zone)),
        "catchup": False,
        "max_active_runs": 1,
        "tags": ["brokerlake", "tier_1"],
        "default_args": {
            "owner": PLATFORM,
            "retries": 1,
            "retry_delay": timedelta(seconds=settings.conf["airflow"]["retry_seconds"]),
            "on_failure_callback": report_failure,
        },
    }


def add_groups(catalogue: Catalogue, work: GroupWork) -> dict[str, Any]:
    """Inside `with DAG(...)`: one task per group, edges as the tables' inputs say, report last; the tasks by name."""
    groups = night_tasks(catalogue)
    tasks = {group.name: _add_group(catalogue, group, work) for group in groups}
    for group in groups:
        for above in group.upstream:
            tasks[above] >> tasks[group.name]
    return tasks


def _add_group(catalogue: Catalogue, group: GroupTask, work: GroupWork) -> Any:
    """One task that runs the group's tables in order; publish announces the public gold tables."""
    assets = [
        Asset(name=table.name, uri=f"brokerlake://{table.name.replace('.', '/')}", group="brokerlake")
        for table in (public_gold(catalogue) if group.name == PUBLISH else [])
    ]

    @task(task_id=group.name, owner=group.owner, doc_md=group.text, outlets=assets)
    def run() -> None:
        work(group.name, get_current_context())

    return run()


def add_spark_server(settings: Settings, catalogue: Catalogue, tasks: Mapping[str, Any], first: Any) -> None:
    """In a profile with a Spark Connect server a DAG run: its setup task behind `first`, its teardown at the end.

    The server runs while groups that need Spark do. Clearing one of them clears the setup and the teardown too.
    """
    if settings.conf["spark"].get("connect_server") != PER_DAG_RUN:
        return

    @setup
    @task(task_id=START_SERVER, doc_md="Starts the run's Spark Connect server.")
    def start() -> None:
        start_spark_server(get_current_context())

    @teardown
    @task(task_id=STOP_SERVER, doc_md="Stops the run's Spark Connect server, whatever became of the run.")
    def stop() -> None:
        stop_spark_server(get_current_context())

    begin, end = start(), stop()
    first >> begin
    begin >> end
    opened, closed = server_edges(catalogue)
    for group in opened:
        begin >> tasks[group]
    for group in closed:
        tasks[group] >> end
