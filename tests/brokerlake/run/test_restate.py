"""A restatement's dates and refusals, and that its night of knowledge is kept by whatever runs later.

As in test_backfill: plan, ledger and releases are real, the steps only pretend to make their tables.
"""

from __future__ import annotations

from datetime import date

import pytest

from brokerlake.errors import PlanError
from brokerlake.plan.state import load_state
from brokerlake.release.releases import current_release, read_releases, rollback
from brokerlake.run import nightly, restate
from brokerlake.run.backfill import Range, open_range
from brokerlake.run.restate import Restatement, restated_dates, run_restatement
from brokerlake.run.tables_step import passes_of
from brokerlake.tables import ops
from tests.brokerlake.run.test_backfill import (
    FRIDAY,
    MONDAY,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    backfill,
    written,
)
from tests.brokerlake.run.test_backfill import lake as lake
from tests.brokerlake.run.test_backfill import steps as steps

AS_OF = {"silver.customer_windows", "gold.tag_values", "gold.tag_wide", "gold.rfm", "gold.customer_360"}


@pytest.fixture(autouse=True)
def no_report(steps, monkeypatch):
    """Nothing is made, so there is no page to write."""
    monkeypatch.setattr(restate, "write_report", lambda lake, release, tell: steps.reported.append(release.number))


@pytest.fixture
def published(lake, steps):
    """Monday to Wednesday published by a range."""
    backfill(lake, steps, Range(MONDAY, WEDNESDAY))
    steps.take_names()
    return lake


def run(lake, steps, first: date, last: date, known: date | None = None):
    return run_restatement(lake, first, last, known_through=known, progress=steps.told.append)


def known_of(lake) -> dict[date, date]:
    """Per as-of date the night whose knowledge it was made with."""
    state, _ = load_state(lake.settings, "nobody", current_release(lake.settings))
    return {day: state.known_through(day) for day in (MONDAY, TUESDAY, WEDNESDAY)}


@pytest.mark.parametrize(
    ("first", "last", "known", "cause"),
    [
        (TUESDAY, MONDAY, WEDNESDAY, "2024-10-22 is after 2024-10-21"),
        (TUESDAY, THURSDAY, THURSDAY, "2024-10-24 is not published yet"),
        (MONDAY, TUESDAY, MONDAY, "must be a published night from 2024-10-22 to 2024-10-23"),
        (MONDAY, TUESDAY, FRIDAY, "must be a published night from 2024-10-22 to 2024-10-23"),
        (date(2024, 10, 18), TUESDAY, WEDNESDAY, "is before 2024-10-21, the first of this lake"),
    ],
)
def test_restated_dates__cannot_be__says_why_and_writes_nothing(published, first, last, known, cause):
    before = written(published)
    with pytest.raises(PlanError, match=cause) as refused:
        restated_dates(published, Restatement(first, last, known))
    assert "\n" not in str(refused.value)
    assert written(published) == before


def test_restatement__of_two_dates__makes_as_of_tables_of_these_alone_and_publishes(published, steps):
    release = run(published, steps, MONDAY, TUESDAY)
    assert set(steps.built) == {(name, (MONDAY, TUESDAY)) for name in AS_OF}
    assert (release.kind, release.night, release.first_date) == ("restate", WEDNESDAY, MONDAY)
    assert release.note == "2024-10-21 to 2024-10-22 as known on 2024-10-23"
    assert known_of(published) == {MONDAY: WEDNESDAY, TUESDAY: WEDNESDAY, WEDNESDAY: WEDNESDAY}
    ledger = ops.read_ops(published.settings, "ledger").to_pylist()
    told = {row["known_through"] for row in ledger if row["run_id"] == release.run_id}
    assert told == {WEDNESDAY}
    dated = {row["table_name"] for row in ledger if row["known_through"] is not None}
    assert dated == AS_OF


def test_restatement__the_same_again__changes_nothing(published, steps):
    run(published, steps, MONDAY, TUESDAY)
    steps.take_names()
    count = len(read_releases(published.settings))
    run(published, steps, MONDAY, TUESDAY)
    assert steps.take_names() == set()
    assert len(read_releases(published.settings)) == count


@pytest.mark.parametrize("later", ["night again", "backfill", "changed code", "next night"])
def test_restatement__whatever_runs_later__keeps_its_knowledge(published, steps, later):
    run(published, steps, MONDAY, TUESDAY)
    steps.take_names()
    if later == "night again":
        nightly.run_night(published, TUESDAY, steps.told.append)
    elif later == "next night":
        nightly.run_night(published, THURSDAY, steps.told.append)
    else:
        if later == "changed code":
            published.settings.conf["parameters"].setdefault("gold.rfm", {})["changed"] = True
        backfill(published, steps, Range(MONDAY, WEDNESDAY))
    rebuilt = {(name, days) for name, days in steps.built if name in AS_OF}
    expected = {
        "night again": set(),
        "backfill": set(),
        "changed code": {("gold.rfm", (MONDAY, TUESDAY, WEDNESDAY))},
        "next night": {(name, (THURSDAY,)) for name in AS_OF},
    }
    assert rebuilt == expected[later]
    assert known_of(published) == {MONDAY: WEDNESDAY, TUESDAY: WEDNESDAY, WEDNESDAY: WEDNESDAY}


def test_restatement__to_the_dates_own_knowledge__undoes_an_earlier_one(published, steps):
    run(published, steps, TUESDAY, TUESDAY)
    assert known_of(published)[TUESDAY] == WEDNESDAY
    steps.take_names()
    run(published, steps, TUESDAY, TUESDAY, TUESDAY)
    assert steps.take_names() == AS_OF
    assert known_of(published)[TUESDAY] == TUESDAY


def test_passes__over_restated_and_other_dates__never_mix_what_is_known(published, steps):
    backfill(published, steps, Range(THURSDAY, FRIDAY))
    run(published, steps, TUESDAY, WEDNESDAY)
    days = (MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)
    ranged = open_range(published, Range(MONDAY, FRIDAY), steps.told.append)
    passes = {name: passes_of(ranged, published.catalogue[name], days) for name in ("gold.rfm", "silver.identity_map")}
    assert passes["gold.rfm"] == [[MONDAY], [TUESDAY, WEDNESDAY], [THURSDAY, FRIDAY]]
    assert passes["silver.identity_map"] == [list(days)]


def test_rollback__before_a_restatement__forgets_its_knowledge(published, steps):
    run(published, steps, MONDAY, TUESDAY)
    rollback(published.settings, 1)
    assert known_of(published) == {MONDAY: MONDAY, TUESDAY: TUESDAY, WEDNESDAY: WEDNESDAY}


def test_restatement__sparse_history__makes_no_date_that_was_not_made(lake, steps):
    backfill(lake, steps, Range(date(2024, 9, 2), FRIDAY, as_of="sparse"))
    dates = restated_dates(lake, Restatement(date(2024, 9, 25), MONDAY, FRIDAY))
    assert dates.as_of == (date(2024, 9, 30), MONDAY)
    with pytest.raises(PlanError, match="no as-of date from 2024-09-10 to 2024-09-20 was made"):
        restated_dates(lake, Restatement(date(2024, 9, 10), date(2024, 9, 20), FRIDAY))
