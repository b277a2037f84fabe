"""What the tasks refuse and hand on, with Airflow's own errors."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from brokerlake.release.releases import publish_release
from brokerlake.schedule import tasks
from brokerlake.settings import HOME_VARIABLE


@pytest.fixture
def lake(tmp_path, monkeypatch):
    """An empty lake, as the tasks of a DAG open it."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    tasks._lake.cache_clear()
    yield tasks._lake()
    tasks._lake.cache_clear()


def publish_night(lake, run_id: str = "x") -> None:
    night = date(2024, 10, 25)
    told = {"run_id": run_id, "kind": "nightly", "night": night, "first_date": night}
    publish_release(lake.settings, **told, vector={}, public=(), stale_feeds={})


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
        tasks.check_backfill(parameters)
    assert "\n" not in str(refused.value)
    assert not lake.settings.lake.exists()


def test_check_backfill__good_range__says_the_release_it_stands_on(lake, capsys):
    parameters = {"first": "2024-10-24", "last": "2024-10-25", "from_table": None, "as_of": "all"}
    assert tasks.check_backfill(parameters) == 0
    assert "check: backfill:2024-10-24:2024-10-25: nights 2024-10-24 to 2024-10-25, 2 as-of" in capsys.readouterr().out


def test_run_range_group_task__another_run_published_since_the_check__fails_for_good(lake):
    publish_night(lake)
    parameters = {"first": "2024-10-24", "last": "2024-10-25", "from_table": "gold.rfm", "as_of": "sparse"}
    check = SimpleNamespace(xcom_pull=lambda task_ids: 0 if task_ids == "check" else None)
    cause = "backfill 2024-10-24 to 2024-10-25: x published release 1 after the range began on another"
    with pytest.raises(AirflowFailException, match=cause):
        tasks.run_range_group_task("trading", {"params": parameters, "ti": check})


def test_run_range_group_task__its_own_release_since_the_check__is_no_other(lake):
    parameters = {"first": "2024-10-24", "last": "2024-10-25", "from_table": "gold.rfm", "as_of": "sparse"}
    publish_night(lake, "backfill:2024-10-24:2024-10-25:gold.rfm:sparse")
    check = SimpleNamespace(xcom_pull=lambda task_ids: 0)
    tasks.run_range_group_task("report", {"params": parameters, "ti": check})
    assert (lake.settings.home / "reports" / "quality-2024-10-25.html").exists()


def test_run_group_task__no_trading_day__refused_though_the_sensor_was_passed_over(lake):
    with pytest.raises(AirflowFailException, match="2024-10-26: not a trading day of XSHG"):
        tasks.run_group_task("landing", {"params": {"night": "2024-10-26"}})


def test_run_maintenance__nothing_published__fails_for_good_with_one_line(lake):
    with pytest.raises(AirflowFailException, match="maintain: nothing is published yet"):
        tasks.run_maintenance()


def test_run_maintenance__a_published_lake__tells_what_it_did(lake, capsys):
    publish_night(lake)
    tasks.run_maintenance()
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("maintain: ")]
    assert (told[0], told[-1]) == ("maintain: started", "maintain: finished")
    assert "maintain: 1 tables: 0 merged, 0 files and 0 log entries removed, 0 bytes" in told
