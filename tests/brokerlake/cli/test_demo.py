"""The decisions of `make nightly`: what it makes, loads and runs next, and what it says of the processes it starts."""

from __future__ import annotations

import io
from datetime import date

import pytest

from brokerlake import demo
from brokerlake.cli.progress import Progress
from brokerlake.demo import Clock, landed_nights
from brokerlake.errors import LandingError, PlanError
from brokerlake.lake import open_lake
from brokerlake.release.releases import Release, publish_release
from brokerlake.settings import load_settings

FRIDAY, MONDAY, TUESDAY = date(2024, 10, 25), date(2024, 10, 28), date(2024, 10, 29)


@pytest.fixture
def lake(tmp_path):
    return open_lake(load_settings(home=tmp_path))


def deliver(lake, *nights: date) -> None:
    for feed, transport in lake.feeds.items():
        for night in nights if transport["required"] else ():
            folder = lake.settings.landing / feed / night.isoformat() / "seq=1"
            folder.mkdir(parents=True)
            (folder / "manifest.json").write_text("{}")


def interrupt_extracts(lake, first: date, last: date) -> None:
    marker = lake.settings.private / "demo" / "unfinished_extracts"
    marker.parent.mkdir(parents=True)
    marker.write_text(f"{first} {last}\n")


@pytest.fixture
def published(lake) -> Release:
    """A release of Friday."""
    told = {"run_id": "x", "kind": "nightly", "night": FRIDAY, "first_date": FRIDAY}
    return publish_release(lake.settings, **told, vector={}, public=(), stale_feeds={})


def test_landed_nights__one_required_feed_missing__not_landed(lake):
    deliver(lake, FRIDAY, MONDAY)
    (lake.settings.landing / "crm_customers" / str(MONDAY) / "seq=1" / "manifest.json").unlink()
    assert landed_nights(lake) == [FRIDAY]


def test_first_nights__deliveries_there__history_in_one_pass_and_the_last_night_left(lake):
    deliver(lake, FRIDAY, MONDAY, TUESDAY)
    assert demo.first_extracts(lake) is None
    assert demo.first_nights(lake) == ((FRIDAY, MONDAY), TUESDAY)


def test_first_nights__one_night_only__no_history(lake):
    deliver(lake, FRIDAY)
    assert demo.first_nights(lake) == (None, FRIDAY)


def test_first_nights__landing_holds_nothing_usable__says_so_and_makes_nothing_up(lake):
    (lake.settings.landing / "crm_customers").mkdir(parents=True)
    assert demo.first_extracts(lake) is None
    with pytest.raises(LandingError, match="no night has a manifest"):
        demo.first_nights(lake)


def test_first_extracts__empty__a_broker_with_400_nights_and_one_more(lake):
    assert demo.first_extracts(lake) == (date(2023, 3, 1), FRIDAY)
    assert len(lake.calendar.between(date(2023, 3, 1), FRIDAY)) == 401


def test_first_extracts__an_attempt_was_interrupted__made_again_though_landing_is_not_empty(lake):
    deliver(lake, FRIDAY)
    interrupt_extracts(lake, date(2024, 10, 24), FRIDAY)
    assert demo.first_extracts(lake) == (date(2024, 10, 24), FRIDAY)


def test_next_night__made_up_broker__extracts_of_the_next_trading_day(lake, published):
    (lake.settings.home / "truth").mkdir()
    assert demo.next_night(lake, published) == (MONDAY, True)


def test_next_night__deliveries_there__nothing_is_made(lake, published):
    deliver(lake, MONDAY)
    assert demo.next_night(lake, published) == (MONDAY, False)


def test_next_night__extracts_were_interrupted__made_again(lake, published):
    (lake.settings.home / "truth").mkdir()
    deliver(lake, MONDAY)
    interrupt_extracts(lake, MONDAY, MONDAY)
    assert demo.next_night(lake, published) == (MONDAY, True)


def test_next_night__a_real_broker_has_not_delivered__refused(lake, published):
    deliver(lake, FRIDAY)
    with pytest.raises(PlanError, match="night 2024-10-28: its deliveries are not in landing"):
        demo.next_night(lake, published)


def test_run_command__it_fails__says_which_and_that_nothing_was_published(lake, capfd):
    with pytest.raises(demo.NightError, match="backfill failed; nothing was published by it"):
        demo.run_command(lake.settings, "backfill", "--from", "2024-10-26", "--to", "2024-10-27")
    assert "no trading day of XSHG from 2024-10-26 to 2024-10-27" in capfd.readouterr().err


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
