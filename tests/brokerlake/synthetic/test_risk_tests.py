"""Risk tests move the level now and then: in the change feed, and in the snapshots that reconcile it."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from brokerlake.synthetic.day_dates import DayDates
from brokerlake.synthetic.people import RISK_LEVELS, People
from brokerlake.synthetic.people_feed import CustomerFeed
from brokerlake.synthetic.population import make_population
from brokerlake.synthetic.risk_tests import TURNS, first_test_days, level_moves, next_test_days
from tests.brokerlake.synthetic.small_broker import START

DAYS = [START + timedelta(n) for n in range(400)]


def make_feed(known_days: int = len(DAYS)) -> CustomerFeed:
    return CustomerFeed(People(make_population(2000, 1, 400), 1), DayDates(DAYS[:known_days]))


@pytest.fixture(scope="module")
def nights() -> list[list[dict]]:
    feed = make_feed()
    return [feed.rows(day)[0].to_pylist() for day in range(len(DAYS))]


@pytest.mark.parametrize("turn", TURNS)
def test_level_moves__many_tests__a_fifth_goes_up_and_fewer_go_down(turn):
    moves = level_moves(1, turn, np.arange(50_000))
    assert set(moves.tolist()) == {-1, 0, 1}
    assert 0.18 < (moves == 1).mean() < 0.22 and 0.07 < (moves == -1).mean() < 0.09


def test_next_test_days__most__come_after_two_years_and_some_earlier():
    before = first_test_days(1, np.full(50_000, -600))
    assert before.min() >= -520 and before.max() == -1
    wait = next_test_days(1, 1, before) - before
    assert wait.min() >= 40 and wait.max() < 680
    assert 0.88 < (wait >= 480).mean() < 0.92 and 480 <= np.median(wait) < 520


def test_customer_feed__levels__move_by_one_with_a_new_test_and_never_without(nights):
    state = {row["customer_no"]: row for row in nights[0]}
    moves, place = [], {level: number for number, level in enumerate(RISK_LEVELS.tolist())}
    for night in nights[1:]:
        for row in night:
            before = state.get(row["customer_no"])
            if before is not None and before["risk_assessed_on"] != row["risk_assessed_on"]:
                assert row["risk_assessed_on"] == row["changed_at"].date() and row["op"] in ("U", "S")
                moves.append(place[row["risk_level"]] - place[before["risk_level"]])
            elif before is not None:
                assert row["risk_level"] == before["risk_level"]
            state[row["customer_no"]] = row
    assert len(moves) > 800 and set(moves) == {-1, 0, 1}
    assert 0.14 < moves.count(1) / len(moves) < 0.24 and 0.05 < moves.count(-1) / len(moves) < 0.11


@pytest.mark.parametrize("day", [120, 240, 360])
def test_customer_feed__snapshot__holds_the_levels_that_the_changes_led_to(nights, day):
    state = {row["customer_no"]: row for night in nights[:day] for row in night}
    same = [row for row in nights[day] if state.get(row["customer_no"], row)["change_seq"] == row["change_seq"]]
    assert len(same) > 0.9 * len(state)
    for row in same:
        before = state.get(row["customer_no"], row)
        assert (row["risk_level"], row["risk_assessed_on"]) == (before["risk_level"], before["risk_assessed_on"])


def test_customer_feed__a_day_alone__equals_the_day_within_a_range(nights):
    for day in (57, 240, 311):
        assert make_feed(day + 1).rows(day)[0].to_pylist() == nights[day]


def test_customer_feed__many_days__leave_nothing_in_memory():
    feed = make_feed()
    feed.rows(1)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0] + pa.total_allocated_bytes()
        for day in range(2, 110):
            feed.rows(day)
        grown = tracemalloc.get_traced_memory()[0] + pa.total_allocated_bytes() - before
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert grown < 200_000 and peak < 5_000_000
