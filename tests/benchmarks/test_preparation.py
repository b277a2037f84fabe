"""Sizes, shifted history, cloned homes, marks of what is done, memory looked at."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest

from benchmarks.history import milestones_query, pairs, shifted
from benchmarks.homes import clone_home, once
from benchmarks.night import as_conf
from benchmarks.prepare import BenchmarkError
from benchmarks.sizes import EARLIER_DAYS, NIGHTS, Sizes, days_of_facts
from benchmarks.watch import Watched, run_watched
from brokerlake.lake import open_lake
from brokerlake.tables.delta_queries import ask


@pytest.fixture
def lake(test_settings):
    return open_lake(test_settings)


def test_sizes__scale_one_and_a_quarter__are_proportional():
    whole = Sizes(1.0)
    assert (whole.customers, whole.executions, whole.events) == (200_000, 2_000_000, 5_000_000)
    assert (whole.history_days, whole.demo_customers) == (250, 2_000)
    fourth = whole.quarter()
    assert (fourth.customers, fourth.executions, fourth.events) == (50_000, 500_000, 1_250_000)


def test_days_of_facts__in_the_calendar__are_trading_days_in_a_row(lake):
    days = days_of_facts(lake.calendar)
    assert len(days) == EARLIER_DAYS + NIGHTS
    assert lake.calendar.between(days[0], days[-1]) == days


def test_pairs__of_three_days__end_the_day_before_and_leave_out_the_opening_day(lake):
    earlier = days_of_facts(lake.calendar)[:3]
    found = pairs(lake, earlier, 250)
    assert len({target for _, target in found}) == 250
    assert found[-1][1] == lake.calendar.previous(earlier[0])
    assert {source for source, _ in found} == set(earlier[1:])


def test_shifted__rows_of_a_night__trading_days_stay_trading_days(lake):
    tuesday, monday, friday = date(2024, 9, 3), date(2024, 8, 26), date(2024, 8, 23)
    rows = pa.table(
        {
            "party_id": ["on time", "confirmed", "on a Sunday"],
            "effective_date": pa.array([tuesday, date(2024, 9, 2), date(2024, 9, 1)], pa.date32()),
            "_delivered_on": pa.array([tuesday] * 3, pa.date32()),
        }
    )
    assert shifted(rows, tuesday, monday, lake.calendar).to_pylist() == [
        {"party_id": "on time", "effective_date": monday, "_delivered_on": monday},
        {"party_id": "confirmed", "effective_date": friday, "_delivered_on": monday},
        {"party_id": "on a Sunday", "effective_date": date(2024, 8, 24), "_delivered_on": monday},
    ]


def test_clone_home__log_changed_in_the_clone__leaves_the_source(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "lake").mkdir(parents=True)
    (source / "lake" / "data.parquet").write_bytes(b"rows")
    (source / "lake" / "log.json").write_text("1")
    clone_home(source, target)
    assert (target / "lake" / "data.parquet").samefile(source / "lake" / "data.parquet")
    (target / "lake" / "log.json").write_text("2")
    (target / "lake" / "data.parquet").unlink()
    assert (source / "lake" / "log.json").read_text() == "1"
    clone_home(source, target)
    assert (target / "lake" / "log.json").read_text() == "1"


def test_clone_home__of_a_home_whose_jvm_still_ends__leaves_its_folders_behind(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    for folder in ("keys", "spark/scratch"):
        (source / ".brokerlake" / folder).mkdir(parents=True)
    (source / ".brokerlake" / "spark" / "scratch" / "gone").symlink_to(tmp_path / "a file that was just removed")
    clone_home(source, target)
    assert [path.name for path in (target / ".brokerlake").iterdir()] == ["keys"]


def test_once__step_fails_then_works__runs_until_it_is_done_and_never_again(tmp_path):
    calls: list[str] = []

    def broken() -> None:
        calls.append("broken")
        raise OSError("disk")

    with pytest.raises(OSError):
        once(tmp_path, "extracts", broken, lambda _: None)
    once(tmp_path, "extracts", lambda: calls.append("made"), lambda _: None)
    once(tmp_path, "extracts", lambda: calls.append("again"), lambda _: None)
    assert calls == ["broken", "made"]


def test_peak__of_a_stretch__is_the_most_within_or_the_look_before_it():
    watched = Watched(((1.0, 10), (2.0, 40), (3.0, 20)))
    assert watched.peak() == 40
    assert watched.peak(2.5, 3.5) == 20
    assert watched.peak(2.1, 2.2) == 40


def test_run_watched__child_that_ends_later__is_waited_for(tmp_path):
    run_watched("tests.benchmarks.lingering", str(tmp_path / "written"))
    assert (tmp_path / "written").exists()


def test_run_watched__module_that_fails__names_it():
    with pytest.raises(BenchmarkError, match=r"benchmarks\.floor .* exit code 2"):
        run_watched("benchmarks.floor", "--nonsense")


def test_milestones_query__days_of_two_parties__are_first_last_and_sums_without_what_was_taken_back():
    days = """(
      SELECT 'customer' AS party_kind, party_id, day::DATE AS effective_date, trades AS trade_count,
        revenue::DECIMAL(18,4) AS net_revenue_amount, events AS event_count, bank_in AS bank_in_count,
        custody::DECIMAL(18,4) AS custody_in_amount
      FROM (VALUES ('c1', '2024-01-02', 0, 0, 0, 1, 0), ('c1', '2024-01-03', 2, 5, 1, 0, 0),
        ('c1', '2024-01-04', 1, 2, 0, 0, 0), ('c1', '2024-01-04', -1, -2, 0, 0, 0), ('c1', '2024-01-05', 1, 3, 0, 0, 0),
        ('c2', '2024-01-05', 0, 0, 0, 0, 100), ('c3', '2024-01-05', 0, 0, 0, 0, 0)
      ) AS told(party_id, day, trades, revenue, events, bank_in, custody)
    )"""
    one, two = sorted(ask(milestones_query(days)).to_pylist(), key=lambda row: row["party_id"])
    assert one == {
        "party_kind": "customer",
        "party_id": "c1",
        "funded_on": date(2024, 1, 2),
        "first_trade_on": date(2024, 1, 3),
        "second_trade_on": date(2024, 1, 5),
        "last_trade_on": date(2024, 1, 5),
        "first_event_on": date(2024, 1, 3),
        "lifetime_trading_days_with_trades": 2,
        "lifetime_trade_count": 3,
        "lifetime_net_revenue_amount": Decimal("8.0000"),
    }
    assert (two["party_id"], two["funded_on"], two["lifetime_trade_count"]) == ("c2", date(2024, 1, 5), 0)


def test_as_conf__name_and_value__is_laid_in_its_place():
    assert as_conf("spark.tables_at_a_time=1") == {"spark": {"tables_at_a_time": 1}}
    assert as_conf("spark.jvm_options=-XX:A=1") == {"spark": {"jvm_options": "-XX:A=1"}}
    with pytest.raises(ValueError, match="expected name=value"):
        as_conf("spark.heap")


def test_run_watched__children_that_just_began__are_not_counted_with_the_memory_of_their_parent():
    assert 300 << 20 < run_watched("tests.benchmarks.forking").peak() < 500 << 20
