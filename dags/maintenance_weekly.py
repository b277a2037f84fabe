"""The weekly upkeep: small files merged, files and log entries removed that none of the last releases needs.

The same as `brokerlake maintain`. It runs on a day without a night; what it keeps stands in conf under `maintenance`.
"""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, task

from brokerlake.schedule.tasks import MAINTAIN, run_maintenance
from brokerlake.schedule.wiring import dag_arguments
from brokerlake.settings import load_settings

SETTINGS = load_settings()


@task(task_id=MAINTAIN, doc_md="Publishes a release when it has merged files: the same rows, in fewer of them.")
def maintain() -> None:
    """The whole upkeep; tried again, it goes on with what is left."""
    run_maintenance()


with DAG(
    dag_id="maintenance_weekly",
    schedule=CronTriggerTimetable(SETTINGS.conf["maintenance"]["weekly"], timezone=SETTINGS.time_zone),
    doc_md=__doc__,
    **dag_arguments(SETTINGS),
) as dag:
    maintain()
