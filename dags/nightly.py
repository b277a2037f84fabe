"""The night: every group of the catalogue in the order its tables need, then one release."""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, Param, get_current_context, task

from brokerlake.schedule.groups import LANDING
from brokerlake.schedule.tasks import run_group_task, wait_for_deliveries
from brokerlake.schedule.wiring import add_groups, add_spark_server, dag_arguments, scheduled_catalogue
from brokerlake.settings import load_settings

SETTINGS = load_settings()
EVENING = SETTINGS.conf["airflow"]
DAY_SECONDS = 24 * 60 * 60


@task.sensor(
    task_id="deliveries",
    mode="reschedule",
    poke_interval=EVENING["poke_seconds"],
    timeout=DAY_SECONDS,
    doc_md="Skips a night that is no trading day; waits until every feed has a manifest or its deadline passed.",
)
def deliveries() -> bool:
    """The sensor before landing: gives its worker slot back between two looks."""
    return wait_for_deliveries(get_current_context())


with DAG(
    dag_id="nightly",
    schedule=CronTriggerTimetable(EVENING["evening"], timezone=SETTINGS.time_zone) if EVENING["evening"] else None,
    doc_md=__doc__,
    params={"night": Param(None, type=["null", "string"], format="date", description="Night to run")},
    **dag_arguments(SETTINGS),
) as dag:
    catalogue, first = scheduled_catalogue(SETTINGS), deliveries()
    tasks = add_groups(catalogue, run_group_task)
    first >> tasks[LANDING]
    add_spark_server(SETTINGS, catalogue, tasks, first)
