"""What the tasks of the DAGs do; the runner is imported when a task runs, never when a file is parsed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from brokerlake.errors import BrokerlakeError, kind_and_place
from brokerlake.schedule.manifests import may_start
from brokerlake.schedule.night import night_of
from brokerlake.schedule.ranges import range_of
from brokerlake.settings import load_settings

if TYPE_CHECKING:
    from brokerlake.lake import Lake

PROGRESS_VARIABLE = "BROKERLAKE_PROGRESS"
"""A file that gets every progress line, for whoever watches the night from outside."""
PER_DAG_RUN = "per_dag_run"
"""Value of `spark: connect_server` in a profile whose DAG runs start and stop a Spark Connect server."""
START_SERVER, STOP_SERVER = "spark_server", "spark_server_stop"
MAINTAIN = "maintain"
"""The one task of the weekly upkeep."""
CHECK = "check"
"""First task of a backfill; the others ask it which release the range stands on."""


@cache
def _lake() -> Lake:
    from brokerlake.lake import open_lake

    return open_lake(load_settings())


def progress_of(task: str) -> Callable[[str], None]:
    """A function that prints a line, and appends it with the task's name to the progress file if one is asked for."""

    def tell(text: str) -> None:
        line = f"{task}: {text}"
        print(line, flush=True)
        path = os.environ.get(PROGRESS_VARIABLE)
        if path:
            with open(path, "a", encoding="utf-8") as file:
                file.write(line.replace("\n", " ") + "\n")

    return tell


def cause_of(error: BaseException) -> str:
    """One line: an expected error as it stands, another one by its kind and place."""
    if isinstance(error, BrokerlakeError) or isinstance(error.__cause__, BrokerlakeError):
        return next(iter(str(error).strip().splitlines()), "no message")
    return kind_and_place(error)


def report_failure(context: Mapping[str, Any]) -> None:
    """Failure callback: the cause in one line, on standard error and in the progress file."""
    task = getattr(context.get("task_instance"), "task_id", "?")
    dag = getattr(context.get("dag"), "dag_id", "?")
    error = context.get("exception")
    cause = cause_of(error) if isinstance(error, BaseException) else str(error or "no cause given")
    sys.stderr.write(f"{dag}: task {task} failed: {cause}\n")
    sys.stderr.flush()
    progress_of(task)(f"FAILED {cause}")


def _failing_for_good(work: Callable[[], Any]) -> Any:
    """The work's result; an expected error fails the task at once, since a retry would meet it again."""
    from airflow.sdk.exceptions import AirflowFailException

    try:
        return work()
    except BrokerlakeError as error:
        raise AirflowFailException(str(error)) from error


def wait_for_deliveries(context: Mapping[str, Any]) -> bool:
    """One look of the sensor: True when the night may start; skips a night that is no trading day."""
    from airflow.sdk.exceptions import AirflowSkipException

    def look() -> bool:
        lake = _lake()
        zone = lake.settings.time_zone
        night = night_of(context, zone)
        if not lake.calendar.is_trading_day(night):
            raise AirflowSkipException(f"{night} is no trading day of {lake.calendar.name}; nothing to run")
        return may_start(lake.settings.landing, lake.feeds, night, datetime.now(UTC), zone)

    return bool(_failing_for_good(look))


def _run_told(group: str, work: Callable[[], None]) -> None:
    progress_of(group)("started")
    _failing_for_good(work)
    progress_of(group)("finished")


def _has_own_server() -> bool:
    return load_settings().conf.get("spark", {}).get("connect_server") == PER_DAG_RUN


def _server_name(context: Mapping[str, Any]) -> str:
    """One server a DAG: it has one run at a time."""
    return str(context["dag"].dag_id)


def _join_server(context: Mapping[str, Any]) -> None:
    """Sessions of this task work with the DAG run's server, where the profile has one."""
    if _has_own_server():
        from brokerlake.session import SERVER_VARIABLE

        os.environ[SERVER_VARIABLE] = _server_name(context)


def start_spark_server(context: Mapping[str, Any]) -> None:
    """Start the DAG run's Spark Connect server anew: none that an earlier run left behind."""
    from brokerlake.connect_server import start_server, stop_server

    settings, name = load_settings(), _server_name(context)

    def work() -> None:
        if stop_server(settings, name):
            progress_of(START_SERVER)("stopped a server that an earlier run had left behind")
        progress_of(START_SERVER)(f"spark connect server: process {start_server(settings, name).pid}")

    _failing_for_good(work)


def stop_spark_server(context: Mapping[str, Any]) -> None:
    """Stop the DAG run's Spark Connect server, whatever became of the run."""
    from brokerlake.connect_server import stop_server

    ended = stop_server(load_settings(), _server_name(context))
    progress_of(STOP_SERVER)("spark connect server stopped" if ended else "no spark connect server was running")


def run_group_task(group: str, context: Mapping[str, Any]) -> None:
    """Run one group of the night."""

    def work() -> None:
        from brokerlake.run.nightly import run_group

        lake = _lake()
        run_group(lake, group, night_of(context, lake.settings.time_zone), progress_of(group))

    _join_server(context)
    _run_told(group, work)


def run_range_group_task(group: str, context: Mapping[str, Any]) -> None:
    """Run one group of the backfill DAG's range, on the release that its check has seen."""

    def work() -> None:
        from brokerlake.run.backfill import run_range_group

        base = context["ti"].xcom_pull(task_ids=CHECK)
        run_range_group(_lake(), group, range_of(context["params"]), progress_of(group), base=base)

    _join_server(context)
    _run_told(group, work)


def check_backfill(parameters: Mapping[str, Any]) -> int:
    """Refuse a range that cannot be made; the number of the release it stands on, 0 for an empty lake."""

    def work() -> int:
        from brokerlake.run.backfill import base_of_range, range_dates

        asked = range_of(parameters)
        dates = range_dates(_lake(), asked)
        progress_of(CHECK)(f"{asked.run_id}: nights {dates.nights[0]} to {dates.nights[-1]}, {len(dates.as_of)} as-of")
        base = base_of_range(_lake(), asked)
        return base.number if base else 0

    return int(_failing_for_good(work))


def run_maintenance() -> None:
    """Merge, publish and clean as conf's `maintenance` says; the task's log tells it by table."""

    def work() -> None:
        from brokerlake.run.maintain import maintain, rules_of, sentence_of

        lake, tell = _lake(), progress_of(MAINTAIN)
        tell(sentence_of(maintain(lake, rules_of(lake.settings), tell)))

    _run_told(MAINTAIN, work)
