"""Known that night: properties of the assignment, over many random deliveries."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from brokerlake.calendar import TradingCalendar
from brokerlake.errors import LandingError
from brokerlake.landing import Delivery, assign_nights, check_required, split_superseded

FIRST = date(2024, 3, 1)
NATURAL = [FIRST + timedelta(days=n) for n in range(60)]
CALENDAR = TradingCalendar("X", FIRST, NATURAL[-1], tuple(d for d in NATURAL if d.weekday() < 5))
FRIDAY, SATURDAY, MONDAY, TUESDAY = date(2024, 3, 8), date(2024, 3, 9), date(2024, 3, 11), date(2024, 3, 12)


def handed(on: date, *, about: date | None = None, sequence: int = 1, kind: str = "facts", feed: str = "a") -> Delivery:
    return Delivery(feed, about or on, on, sequence, kind, 1, Path("x"), (), 5, {}, 0)


def nights_of(deliveries, last_published=None, nights=CALENDAR.days):
    assigned = assign_nights(deliveries, calendar=CALENDAR, last_published=last_published, nights=nights)
    return {d.identity: night for night, taken in assigned.items() for d in taken}


def test_assign_nights__handed_over_on_a_weekend__belongs_to_the_next_trading_day():
    assert nights_of([handed(SATURDAY)]) == {("a", SATURDAY, 1): MONDAY}


def test_assign_nights__its_night_is_published__the_next_unpublished_one_takes_it():
    late = handed(FRIDAY)
    assert nights_of([late], last_published=FRIDAY) == {late.identity: MONDAY}
    assert nights_of([late], last_published=MONDAY) == {late.identity: TUESDAY}


def test_assign_nights__nights_of_the_run_only__others_stay_where_they_are():
    assert nights_of([handed(FRIDAY), handed(TUESDAY)], nights=[MONDAY, TUESDAY]) == {("a", TUESDAY, 1): TUESDAY}
    assert assign_nights([], calendar=CALENDAR, last_published=None, nights=[MONDAY]) == {MONDAY: []}


def some_deliveries(seed: int) -> list[Delivery]:
    draw = random.Random(seed)
    keys = {(draw.choice("ab"), draw.choice(NATURAL[:40]), draw.randint(1, 3)) for _ in range(60)}
    return [
        handed(about + timedelta(days=draw.randint(0, 6)), about=about, sequence=sequence, feed=feed,
               kind=draw.choice(["facts", "facts", "replay"]))
        for feed, about, sequence in sorted(keys)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(25))
def test_assign_nights__any_deliveries__each_once_on_an_open_trading_day_not_before_it_was_handed_over(seed):
    deliveries, published = some_deliveries(seed), CALENDAR.days[seed % 10]
    assigned = nights_of(deliveries, published)
    assert set(assigned) == {d.identity for d in deliveries}
    for delivery in deliveries:
        night = assigned[delivery.identity]
        assert CALENDAR.is_trading_day(night) and night > published and night >= delivery.delivered_on
        earlier = [day for day in CALENDAR.days if published < day < night and day >= delivery.delivered_on]
        assert earlier == []


@pytest.mark.parametrize("seed", range(25))
def test_assign_nights__night_by_night_or_in_one_go_or_shuffled__the_same(seed):
    deliveries, nights = some_deliveries(seed), CALENDAR.days[:40]
    whole = nights_of(deliveries, nights=nights)
    shuffled = random.Random(seed).sample(deliveries, len(deliveries))
    assert nights_of(shuffled, nights=nights) == whole
    stepwise, published = {}, None
    for night in nights:
        known = [d for d in deliveries if d.delivered_on <= night and d.identity not in stepwise]
        stepwise.update(nights_of(known, published, [night]))
        published = night
    assert stepwise == whole


@pytest.mark.parametrize("seed", range(25))
def test_split_superseded__any_deliveries__highest_full_sequence_counts_and_replays_above_it(seed):
    deliveries = some_deliveries(seed)
    counting, superseded = split_superseded(deliveries)
    assert sorted(d.identity for d in [*counting, *superseded]) == sorted(d.identity for d in deliveries)
    for delivery in superseded:
        twins = [d for d in deliveries if d.identity[:2] == delivery.identity[:2]]
        assert any(d.sequence > delivery.sequence and d.kind != "replay" for d in twins)
    full = [d.identity[:2] for d in counting if d.kind != "replay"]
    assert len(full) == len(set(full))


def test_assign_nights__two_sequences_in_one_night__the_lower_one_is_marked():
    taken = assign_nights(
        [handed(MONDAY), handed(MONDAY, sequence=2)], calendar=CALENDAR, last_published=None, nights=[MONDAY]
    )[MONDAY]
    assert [(d.sequence, d.is_superseded) for d in taken] == [(1, True), (2, False)]


def test_assign_nights__lower_sequence_after_a_higher_one__superseded_in_a_later_night_too():
    lower, replayed = handed(TUESDAY, about=FRIDAY), handed(TUESDAY, about=FRIDAY, sequence=2, kind="replay")
    above = handed(TUESDAY, about=FRIDAY, sequence=4, kind="replay")
    higher = handed(MONDAY, about=FRIDAY, sequence=3)
    one_run = assign_nights(
        [lower, replayed, above, higher], calendar=CALENDAR, last_published=None, nights=[MONDAY, TUESDAY]
    )
    two_runs = assign_nights(
        [lower, replayed, above],
        calendar=CALENDAR,
        last_published=MONDAY,
        nights=[TUESDAY],
        taken={("a", FRIDAY): 3},
    )
    for taken in (one_run, two_runs):
        assert [(d.sequence, d.is_superseded) for d in taken[TUESDAY]] == [(1, True), (2, True), (4, False)]
    assert [d.is_superseded for d in one_run[MONDAY]] == [False]
    assert [d.sequence for d in split_superseded(one_run[TUESDAY])[1]] == [1, 2]


def test_check_required__missing_or_only_late_or_replayed__stops_naming_the_feed():
    feeds = {"a": {"required": True}, "b": {"required": False}, "c": {}}
    good = handed(MONDAY)
    assert check_required(feeds, [good, handed(MONDAY, feed="c")], MONDAY) == ["b"]
    for taken in ([], [handed(MONDAY, about=FRIDAY)], [replace(good, kind="replay")]):
        with pytest.raises(LandingError, match="feed a: required_feed_missing: no delivery for night 2024-03-11"):
            check_required(feeds, taken, MONDAY)
