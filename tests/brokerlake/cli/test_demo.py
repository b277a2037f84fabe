"""The decisions of `make nightly`: what it makes, loads and runs next. The processes it starts are recorded instead."""

from __future__ import annotations

import io
from datetime import date

import pytest

from brokerlake import demo
from brokerlake.cli.progress import Progress
from brokerlake.demo import Clock, landed_nights, prepare_first, prepare_next
from brokerlake.errors import LandingError, PlanError
from brokerlake.lake import open_lake
from brokerlake.settings import load_settings

FRIDAY, MONDAY, TUESDAY = date(2024, 10, 25), date(2024, 10, 28), date(2024, 10, 29)


@pytest.fixture
def lake(tmp_path):
    return open_lake(load_settings(home=tmp_path))


@pytest.fixture
def called(monkeypatch) -> list[tuple[str, ...]]:
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(demo, "run_command", lambda settings, *arguments: calls.append(arguments))
    return calls


def deliver(lake, *nights: date) -> None:
    for feed, transport in lake.feeds.items():
        for night in nights if transport["required"] else ():
            folder = lake.settings.landing / feed / night.isoformat() / "seq=1"
            folder.mkdir(parents=True)
            (folder / "manifest.json").write_text("{}")


class Published:
    night = FRIDAY


def test_landed_nights__one_required_feed_missing__not_landed(lake):
    deliver(lake, FRIDAY, MONDAY)
    (lake.settings.landing / "crm_customers" / str(MONDAY) / "seq=1" / "manifest.json").unlink()
    assert landed_nights(lake) == [FRIDAY]


def test_prepare_first__deliveries_there__history_in_one_pass_and_the_last_night_left(lake, called):
    deliver(lake, FRIDAY, MONDAY, TUESDAY)
    assert prepare_first(lake, Clock()) == TUESDAY
    assert called == [("backfill", "--from", "2024-10-25", "--to", "2024-10-28", "--as-of", "sparse")]


def test_prepare_first__one_night_only__no_history(lake, called):
    deliver(lake, FRIDAY)
    assert prepare_first(lake, Clock()) == FRIDAY
    assert called == []


def test_prepare_first__landing_holds_nothing_usable__says_so_and_makes_nothing_up(lake, called):
    (lake.settings.landing / "crm_customers").mkdir(parents=True)
    with pytest.raises(LandingError, match="no night has a manifest"):
        prepare_first(lake, Clock())
    assert called == []


def test_prepare_first__empty__a_broker_with_400_nights_and_one_more(lake, monkeypatch):
    calls = []

    def make(settings, *arguments):
        calls.append(arguments)
        if arguments[0] == "synth":
            assert demo.unfinished_extracts(settings) == (date(2023, 3, 1), FRIDAY)
            deliver(lake, date(2023, 3, 1), date(2024, 10, 24), FRIDAY)

    monkeypatch.setattr(demo, "run_command", make)
    assert prepare_first(lake, Clock()) == FRIDAY
    assert [call[0] for call in calls] == ["synth", "backfill"]
    assert len(lake.calendar.between(date(2023, 3, 1), FRIDAY)) == demo.HISTORY_NIGHTS + 1
    assert demo.unfinished_extracts(lake.settings) is None


def test_prepare_first__extracts_were_interrupted__made_again_though_landing_is_not_empty(lake, called):
    deliver(lake, FRIDAY)
    marker = lake.settings.private / "demo" / "unfinished_extracts"
    marker.parent.mkdir(parents=True)
    marker.write_text("2024-10-24 2024-10-25\n")
    prepare_first(lake, Clock())
    assert called[0] == ("synth", "--customers", "2000", "--from", "2024-10-24", "--to", "2024-10-25")


def test_prepare_next__made_up_broker__extracts_of_the_next_trading_day(lake, called):
    (lake.settings.home / "truth").mkdir()
    assert prepare_next(lake, Published(), Clock()) == MONDAY
    assert called == [("synth", "--customers", "2000", "--from", "2024-10-28", "--to", "2024-10-28")]


def test_prepare_next__deliveries_there__nothing_is_made(lake, called):
    deliver(lake, MONDAY)
    assert prepare_next(lake, Published(), Clock()) == MONDAY
    assert called == []


def test_prepare_next__a_real_broker_has_not_delivered__refused(lake, called):
    deliver(lake, FRIDAY)
    with pytest.raises(PlanError, match="night 2024-10-28: its deliveries are not in landing"):
        prepare_next(lake, Published(), Clock())
    assert called == []


def test_relay__lines_as_they_come__shown_once_and_timed(tmp_path):
    file, out, clock, begun = tmp_path / "told", io.StringIO(), Clock(), {}
    progress = Progress(out)
    assert demo._relay(file, 0, progress, clock, begun) == 0
    file.write_text("trading: started\ntrading: silver.bal")
    read = demo._relay(file, 0, progress, clock, begun)
    with file.open("a") as more:
        more.write("ances: 7 rows\ntrading: finished\n")
    demo._relay(file, read, progress, clock, begun)
    assert [line.split("  ")[-1] for line in out.getvalue().splitlines()] == [
        "trading: started",
        "trading: silver.balances: 7 rows",
        "trading: finished",
    ]
    assert list(clock.seconds) == ["  trading"]


def test_cause__failed_task__its_line(tmp_path):
    (tmp_path / "told").write_text("landing: started\nlanding: FAILED crm_customers 2024-10-25: cut\n")
    assert demo._cause(tmp_path / "told") == "landing: crm_customers 2024-10-25: cut"
    assert "without saying why" in demo._cause(tmp_path / "none")
