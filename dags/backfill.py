"""A range of nights in one pass, by the same groups as a night, published as one release.

Started by hand or by the API with its parameters. `brokerlake backfill` with the same values is the same run: either
goes on where the other stopped.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param, get_current_context, task

from brokerlake.schedule.groups import LANDING
from brokerlake.schedule.tasks import CHECK, check_backfill, run_range_group_task
from brokerlake.schedule.wiring import add_groups, add_spark_server, dag_arguments, scheduled_catalogue
from brokerlake.settings import load_settings

SETTINGS = load_settings()


@task(task_id=CHECK, doc_md="Refuses a range or a table that cannot be made, before anything is written.")
def check() -> int:
    """The release the range stands on; the tasks behind it refuse another one."""
    return check_backfill(get_current_context()["params"])


with DAG(
    dag_id="backfill",
    schedule=None,
    doc_md=__doc__,
    params={
        "first": Param(type="string", format="date", description="First night"),
        "last": Param(type="string", format="date", description="Last night"),
        "from_table": Param(None, type=["null", "string"], description="Rebuild this table and what is made of it"),
        "as_of": Param("all", enum=["all", "sparse", "last"], description="sparse: month ends and the last five"),
    },
    **dag_arguments(SETTINGS),
) as dag:
    catalogue, first = scheduled_catalogue(SETTINGS), check()
    tasks = add_groups(catalogue, run_range_group_task)
    first >> tasks[LANDING]
    add_spark_server(SETTINGS, catalogue, tasks, first)
