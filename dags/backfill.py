"""A range of nights in one pass, published as one release; started by hand or by the API with its parameters."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Asset, Param, get_current_context, task

from brokerlake.catalog import load_catalogue
from brokerlake.lake import load_feeds
from brokerlake.schedule.groups import PLATFORM, public_gold
from brokerlake.schedule.tasks import check_backfill, report_failure, run_backfill_task
from brokerlake.settings import load_settings

SETTINGS = load_settings()
CATALOGUE = load_catalogue(SETTINGS.project / "data_catalog.yaml").restrict_to_feeds(load_feeds(SETTINGS))
ASSETS = [
    Asset(name=table.name, uri=f"brokerlake://{table.name.replace('.', '/')}", group="brokerlake")
    for table in public_gold(CATALOGUE)
]
TABLES = ", ".join(CATALOGUE.order)


@task(task_id="check", doc_md="Refuses a range without trading days and a table the lake does not have.")
def check() -> None:
    """Look at the parameters before anything is written."""
    check_backfill(get_current_context()["params"])


@task(
    task_id="backfill",
    outlets=ASSETS,
    doc_md=f"Runs every group over the range, gates it and publishes one release. Impact tier_1. Tables: {TABLES}",
)
def backfill() -> None:
    """Run the range; what passed already is skipped, so a retry resumes."""
    run_backfill_task(get_current_context()["params"])


with DAG(
    dag_id="backfill",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=ZoneInfo(SETTINGS.time_zone)),
    catchup=False,
    max_active_runs=1,
    tags=["brokerlake", "tier_1"],
    doc_md=__doc__,
    params={
        "first": Param("2024-01-02", type="string", format="date", description="First night"),
        "last": Param("2024-01-02", type="string", format="date", description="Last night"),
        "from_table": Param(None, type=["null", "string"], description="Rebuild this table and what is made of it"),
        "as_of": Param("all", enum=["all", "sparse"], description="sparse: month ends and the last five nights"),
    },
    default_args={
        "owner": PLATFORM,
        "retries": 1,
        "retry_delay": timedelta(seconds=SETTINGS.conf["airflow"]["retry_seconds"]),
        "on_failure_callback": report_failure,
    },
) as dag:
    check() >> backfill()
