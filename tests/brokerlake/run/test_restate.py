"""A restatement's dates and refusals, and that its night of knowledge is kept by whatever runs later.

The lake is that of a firm of three customers, up to their recency and value scores.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from brokerlake.errors import PlanError
from brokerlake.lake import Lake
from brokerlake.plan.state import load_state
from brokerlake.release.releases import Release, current_release, read_releases, rollback
from brokerlake.run.backfill import Range, open_range
from brokerlake.run.restate import Restatement, restated_dates, run_restatement
from brokerlake.run.tables_step import passes_of
from brokerlake.settings import Settings
from brokerlake.tables import ops
from tests.brokerlake.run.ledgers import passed, written
from tests.e2e import nights, young_firm

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(1997, 1, day) for day in (6, 7, 8, 9, 10))
AS_OF = {"silver.customer_windows", "gold.rfm"}
pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("restated")]


def open_firm(home: Path, like: Settings, version: str = "1") -> Lake:
    """The firm's lake up to gold.rfm, whose feeds may stay away; `version` is that of the scores' thresholds."""
    settings = nights.scratch_settings(home, like, young_firm.CONF)
    rfm = {**settings.parameters("gold.rfm"), "definition_version": version}
    parameters = {**settings.conf["parameters"], "gold.rfm": rfm}
    conf = {**settings.conf, "tables": ["gold.rfm"], "parameters": parameters}
    lake = nights.open_lake(replace(settings, conf=conf))
    return replace(lake, feeds={feed: {**values, "required": False} for feed, values in lake.feeds.items()})


@pytest.fixture(scope="module")
def once(spark, test_settings, tmp_path_factory) -> Lake:
    """Monday to Wednesday published by a range; copy it."""
    lake = open_firm(tmp_path_factory.mktemp("restated") / "home", test_settings)
    young_firm.deliver_people(lake, MONDAY)
    for day in (MONDAY, TUESDAY, WEDNESDAY, THURSDAY):
        young_firm.deliver_executions(lake, day, [young_firm.execution(f"x{day.day}", day)])
    nights.backfill(lake, MONDAY, WEDNESDAY)
    return lake


@pytest.fixture
def published(once, test_settings, tmp_path) -> Lake:
    """A lake whose nights from Monday to Wednesday are published."""
    shutil.copytree(once.settings.home, tmp_path / "home")
    return open_firm(tmp_path / "home", test_settings)


def run(lake: Lake, first: date, last: date, known: date | None = None) -> Release:
    return run_restatement(lake, first, last, known_through=known, progress=nights.say_nothing)


def steps(tables: set[str], *days: date) -> Counter[tuple[str, date]]:
    """Each of the tables once for each of the days."""
    return Counter((table, day) for table in tables for day in days)


def known_of(lake: Lake) -> dict[date, date]:
    """Per as-of date the night whose knowledge it was made with."""
    state, _ = load_state(lake.settings, "nobody", current_release(lake.settings))
    return {day: state.known_through(day) for day in (MONDAY, TUESDAY, WEDNESDAY)}


@pytest.mark.parametrize(
    ("first", "last", "known", "cause"),
    [
        (TUESDAY, MONDAY, WEDNESDAY, "1997-01-07 is after 1997-01-06"),
        (TUESDAY, THURSDAY, THURSDAY, "1997-01-09 is not published yet"),
        (MONDAY, TUESDAY, MONDAY, "must be a published night from 1997-01-07 to 1997-01-08"),
        (MONDAY, TUESDAY, FRIDAY, "must be a published night from 1997-01-07 to 1997-01-08"),
        (date(1997, 1, 3), TUESDAY, WEDNESDAY, "is before 1997-01-06, the first of this lake"),
    ],
)
def test_restated_dates__cannot_be__says_why_and_writes_nothing(once, first, last, known, cause):
    before = written(once)
    with pytest.raises(PlanError, match=cause) as refused:
        restated_dates(once, Restatement(first, last, known))
    assert "\n" not in str(refused.value)
    assert written(once) == before


def test_restatement__of_two_dates__makes_as_of_tables_of_these_alone_and_publishes(published):
    before = passed(published)
    release = run(published, MONDAY, TUESDAY)
    assert passed(published) - before == steps(AS_OF, MONDAY, TUESDAY)
    assert (release.kind, release.night, release.first_date) == ("restate", WEDNESDAY, MONDAY)
    assert release.note == "1997-01-06 to 1997-01-07 as known on 1997-01-08"
    assert known_of(published) == {MONDAY: WEDNESDAY, TUESDAY: WEDNESDAY, WEDNESDAY: WEDNESDAY}
    ledger = ops.read_ops(published.settings, "ledger").to_pylist()
    told = {row["known_through"] for row in ledger if row["run_id"] == release.run_id}
    assert told == {WEDNESDAY}
    dated = {row["table_name"] for row in ledger if row["known_through"] is not None}
    assert dated == AS_OF
    made, count = passed(published), len(read_releases(published.settings))
    run(published, MONDAY, TUESDAY)
    assert passed(published) == made
    assert len(read_releases(published.settings)) == count


@pytest.mark.parametrize("later", ["night again", "backfill", "changed code", "next night"])
def test_restatement__whatever_runs_later__keeps_its_knowledge(published, test_settings, later):
    run(published, MONDAY, TUESDAY)
    before = passed(published)
    if later == "night again":
        nights.night(published, TUESDAY)
    elif later == "next night":
        nights.night(published, THURSDAY)
    elif later == "backfill":
        nights.backfill(published, MONDAY, WEDNESDAY)
    else:
        nights.backfill(open_firm(published.settings.home, test_settings, version="2"), MONDAY, WEDNESDAY)
    made = passed(published) - before
    expected = {
        "night again": steps(set()),
        "backfill": steps(set()),
        "changed code": steps({"gold.rfm"}, MONDAY, TUESDAY, WEDNESDAY),
        "next night": steps(AS_OF, THURSDAY),
    }
    assert Counter({step: count for step, count in made.items() if step[0] in AS_OF}) == expected[later]
    assert known_of(published) == {MONDAY: WEDNESDAY, TUESDAY: WEDNESDAY, WEDNESDAY: WEDNESDAY}


def test_restatement__to_the_dates_own_knowledge__undoes_an_earlier_one(published):
    run(published, TUESDAY, TUESDAY)
    assert known_of(published)[TUESDAY] == WEDNESDAY
    before = passed(published)
    run(published, TUESDAY, TUESDAY, TUESDAY)
    assert passed(published) - before == steps(AS_OF, TUESDAY)
    assert known_of(published)[TUESDAY] == TUESDAY


def test_passes__over_restated_and_other_dates__never_mix_what_is_known(published):
    nights.backfill(published, THURSDAY, FRIDAY)
    run(published, TUESDAY, WEDNESDAY)
    days = (MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)
    ranged = open_range(published, Range(MONDAY, FRIDAY), nights.say_nothing)
    passes = {name: passes_of(ranged, published.catalogue[name], days) for name in ("gold.rfm", "silver.identity_map")}
    assert passes["gold.rfm"] == [[MONDAY], [TUESDAY, WEDNESDAY], [THURSDAY, FRIDAY]]
    assert passes["silver.identity_map"] == [list(days)]


def test_rollback__before_a_restatement__forgets_its_knowledge(published):
    run(published, MONDAY, TUESDAY)
    rollback(published.settings, 1)
    assert known_of(published) == {MONDAY: MONDAY, TUESDAY: TUESDAY, WEDNESDAY: WEDNESDAY}


def test_restatement__sparse_history__makes_no_date_that_was_not_made(once, test_settings, tmp_path):
    lake = open_firm(tmp_path / "sparse", test_settings)
    first, last = date(1997, 1, 1), date(1997, 2, 10)
    nights.backfill(lake, first, last, as_of="sparse")
    dates = restated_dates(lake, Restatement(date(1997, 1, 25), date(1997, 2, 6), last))
    assert dates.as_of == (date(1997, 1, 31), date(1997, 2, 6))
    with pytest.raises(PlanError, match="no as-of date from 1997-01-10 to 1997-01-20 was made"):
        restated_dates(lake, Restatement(date(1997, 1, 10), date(1997, 1, 20), last))
