"""What the tasks refuse and hand on, with Airflow's own errors."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from brokerlake.schedule.tasks import check_backfill, run_group_task, run_maintenance, run_range_group_task
from brokerlake.settings import load_settings


@pytest.fixture
def lake(tmp_path, monkeypatch):
    """An empty lake, as the tasks of a DAG open it."""
    from brokerlake.lake import open_lake

    opened = open_lake(load_settings(home=tmp_path))
    monkeypatch.setattr("brokerlake.schedule.tasks._lake", lambda: opened)
    return opened


@pytest.mark.parametrize(
    ("parameters", "cause"),
    [
        ({"first": "2024-10-25", "last": "2024-10-24"}, "2024-10-25 is after 2024-10-24"),
        ({"first": "2024-10-26", "last": "2024-10-27"}, "no trading day of XSHG"),
        ({"first": "2024-13-01", "last": "2024-10-27"}, "first: '2024-13-01' is no date"),
        ({"first": "2024-10-25"}, "last: '' is no date"),
        ({"first": "2024-10-25", "last": "2024-10-25", "from_table": "gold.nothing"}, "gold.nothing: no such table"),
    ],
)
def test_check_backfill__wrong_parameters__fails_for_good_with_one_line(lake, parameters, cause):
    with pytest.raises(AirflowFailException, match=cause) as refused:
        check_backfill(parameters)
    assert "\n" not in str(refused.value)
    assert not lake.settings.lake.exists()


def test_check_backfill__good_range__says_the_release_it_stands_on(lake, capsys):
    parameters = {"first": "2024-10-24", "last": "2024-10-25", "from_table": None, "as_of": "all"}
    assert check_backfill(parameters) == 0
    assert "check: backfill:2024-10-24:2024-10-25: nights 2024-10-24 to 2024-10-25, 2 as-of" in capsys.readouterr().out


def test_run_range_group_task__parameters_and_checked_release__handed_to_the_runner(lake, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "brokerlake.run.backfill.run_range_group",
        lambda lake, group, asked, progress, *, base: calls.append((group, asked.run_id, base)),
    )
    parameters = {"first": "2024-10-24", "last": "2024-10-25", "from_table": "gold.rfm", "as_of": "sparse"}
    check = SimpleNamespace(xcom_pull=lambda task_ids: 7 if task_ids == "check" else None)
    run_range_group_task("trading", {"params": parameters, "ti": check})
    assert calls == [("trading", "backfill:2024-10-24:2024-10-25:gold.rfm:sparse", 7)]


def test_run_group_task__no_trading_day__refused_though_the_sensor_was_passed_over(lake):
    with pytest.raises(AirflowFailException, match="2024-10-26: not a trading day of XSHG"):
        run_group_task("landing", {"params": {"night": "2024-10-26"}})


def test_run_maintenance__nothing_published__fails_for_good_with_one_line(lake):
    with pytest.raises(AirflowFailException, match="maintain: nothing is published yet"):
        run_maintenance()


def test_run_maintenance__a_published_lake__tells_what_it_did(lake, capsys):
    from brokerlake.release.releases import publish_release

    night = date(2024, 10, 25)
    publish_release(
        lake.settings, run_id="x", kind="nightly", night=night, first_date=night, vector={}, public=(), stale_feeds={}
    )
    run_maintenance()
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("maintain: ")]
    assert (told[0], told[-1]) == ("maintain: started", "maintain: finished")
    assert "maintain: 1 tables: 0 merged, 0 files and 0 log entries removed, 0 bytes" in told
