"""The night: every group of the catalogue in the order its tables need, then one release."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Asset, CronTriggerTimetable, Param, get_current_context, task

from brokerlake.catalog import load_catalogue
from brokerlake.lake import load_feeds
from brokerlake.schedule.groups import LANDING, PUBLISH, GroupTask, night_tasks, public_gold
from brokerlake.schedule.tasks import report_failure, run_group_task, wait_for_deliveries
from brokerlake.settings import load_settings

SETTINGS = load_settings()
CATALOGUE = load_catalogue(SETTINGS.project / "data_catalog.yaml").restrict_to_feeds(load_feeds(SETTINGS))
EVENING = SETTINGS.conf["airflow"]
DAY_SECONDS = 24 * 60 * 60


def add_wait():
    """The sensor before landing: gives its worker slot back between two looks."""

    @task.sensor(
        task_id="deliveries",
        mode="reschedule",
        poke_interval=EVENING["poke_seconds"],
        timeout=DAY_SECONDS,
        owner="data-platform",
        doc_md="Skips a night that is no trading day; waits until every feed has a manifest or its deadline passed.",
    )
    def deliveries() -> bool:
        return wait_for_deliveries(get_current_context())

    return deliveries()


def add_group(group: GroupTask):
    """One task that runs the group's tables in order; publish announces the public gold tables."""
    assets = [
        Asset(name=table.name, uri=f"brokerlake://{table.name.replace('.', '/')}", group="brokerlake")
        for table in (public_gold(CATALOGUE) if group.name == PUBLISH else [])
    ]

    @task(task_id=group.name, owner=group.owner, doc_md=group.text, outlets=assets)
    def run() -> None:
        run_group_task(group.name, get_current_context())

    return run()


with DAG(
    dag_id="nightly",
    schedule=CronTriggerTimetable(EVENING["evening"], timezone=SETTINGS.time_zone),
    start_date=datetime(2024, 1, 1, tzinfo=ZoneInfo(SETTINGS.time_zone)),
    catchup=False,
    max_active_runs=1,
    tags=["brokerlake", "tier_1"],
    doc_md=__doc__,
    params={"night": Param(None, type=["null", "string"], format="date", description="Night to run")},
    default_args={
        "retries": 1,
        "retry_delay": timedelta(seconds=EVENING["retry_seconds"]),
        "on_failure_callback": report_failure,
    },
) as dag:
    groups = night_tasks(CATALOGUE)
    tasks = {group.name: add_group(group) for group in groups}
    add_wait() >> tasks[LANDING]
    for group in groups:
        for above in group.upstream:
            tasks[above] >> tasks[group.name]
