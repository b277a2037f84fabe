"""A range of nights: what is refused, and that group by group is the same run as all at once.

The catalogue is a part of the real one: two logs and what is derived from them, of three customers and no branch.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from brokerlake.errors import ConfigurationError, LeaseError, PlanError
from brokerlake.lake import Lake, open_lake
from brokerlake.lease import break_lease
from brokerlake.plan.plans import make_plan
from brokerlake.release.releases import Release, publish_release, read_releases, rollback
from brokerlake.run import nightly
from brokerlake.run.backfill import (
    Range,
    base_of_range,
    chosen_tables,
    open_range,
    range_dates,
    run_backfill,
    run_range_group,
)
from brokerlake.settings import Settings
from brokerlake.tables import ops
from tests.brokerlake.run.ledgers import passed, written
from tests.e2e import nights, young_firm

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(2024, 10, day) for day in (21, 22, 23, 24, 25))
CHOSEN, MADE_FROM_IT = "silver.customer_changes", "silver.customers"
TABLES = ["silver.branches", MADE_FROM_IT]
pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("ranges")]


def small_lake(home: Path, like: Settings) -> Lake:
    """A lake of the tables, whose feeds may stay away; its customers come on Monday."""
    settings = nights.scratch_settings(home, like)
    settings = replace(settings, conf={**settings.conf, "tables": TABLES})
    opened = open_lake(settings)
    lake = replace(opened, feeds={feed: {**values, "required": False} for feed, values in opened.feeds.items()})
    young_firm.deliver_people(lake, MONDAY)
    return lake


@pytest.fixture
def lake(spark, test_settings, tmp_path) -> Lake:
    return small_lake(tmp_path / "home", test_settings)


def backfill(lake: Lake, asked: Range) -> Release:
    return run_backfill(
        lake, asked.first, asked.last, from_table=asked.from_table, as_of=asked.as_of, progress=nights.say_nothing
    )


def run_groups(lake: Lake, asked: Range, *groups: str, base: int | None = None, told: list[str] | None = None) -> None:
    for group in groups or lake.catalogue.groups:
        run_range_group(lake, group, asked, nights.say_nothing if told is None else told.append, base=base)


def tables(steps: Iterable[tuple[str, date]]) -> set[str]:
    return {table for table, _ in steps}


def with_parameters(lake: Lake, **values: dict[str, str]) -> Lake:
    """The lake with other parameters of tables of silver: their step keys are no longer those of the ledger."""
    named = {f"silver.{table}": found for table, found in values.items()}
    conf = {**lake.settings.conf, "parameters": {**lake.settings.conf["parameters"], **named}}
    return replace(lake, settings=replace(lake.settings, conf=conf))


def in_tokyo(lake: Lake) -> Lake:
    """The lake with other content of both logs, where they have rows."""
    return with_parameters(
        lake, customer_changes={"time_zone": "Asia/Tokyo"}, branch_changes={"time_zone": "Asia/Tokyo"}
    )


def test_range__run_id__dates_and_options_that_differ_from_the_default():
    assert Range(MONDAY, FRIDAY).run_id == "backfill:2024-10-21:2024-10-25"
    assert Range(MONDAY, FRIDAY, CHOSEN, "sparse").run_id == f"backfill:2024-10-21:2024-10-25:{CHOSEN}:sparse"


@pytest.mark.parametrize(
    ("asked", "cause"),
    [
        (Range(FRIDAY, MONDAY), "2024-10-25 is after 2024-10-21"),
        (Range(date(2024, 10, 26), date(2024, 10, 27)), "no trading day of XSHG from 2024-10-26 to 2024-10-27"),
        (Range(MONDAY, FRIDAY, as_of="some"), "choose all, sparse, last"),
    ],
)
def test_range_dates__no_range__says_why(lake, asked, cause):
    with pytest.raises(PlanError, match=cause):
        range_dates(lake, asked)


def test_backfill__from_a_table_on_unpublished_nights__refused_with_table_and_first_such_night(lake):
    asked = Range(TUESDAY, THURSDAY, CHOSEN)
    with pytest.raises(PlanError, match=f"backfill from {CHOSEN}: night 2024-10-22 is not published yet"):
        backfill(lake, asked)
    backfill(lake, Range(MONDAY, TUESDAY))
    before = written(lake)
    with pytest.raises(PlanError, match=f"{CHOSEN}: night 2024-10-23 is not published yet") as refused:
        backfill(lake, asked)
    assert "\n" not in str(refused.value)
    with pytest.raises(PlanError, match="night 2024-10-23 is not published yet"):
        run_groups(lake, asked, "landing")
    assert written(lake) == before


def test_nights__before_the_lakes_first__refused_and_told_that_rows_can_come_late(lake):
    backfill(lake, Range(TUESDAY, WEDNESDAY))
    backfill(lake, Range(THURSDAY, THURSDAY))
    before = written(lake)
    for from_table in (None, CHOSEN):
        with pytest.raises(PlanError, match="2024-10-21 is before 2024-10-22, the first of this lake") as refused:
            backfill(lake, Range(MONDAY, WEDNESDAY, from_table))
        assert "a lake cannot get nights before its first; their rows can come late" in str(refused.value)
        assert "\n" not in str(refused.value)
    with pytest.raises(PlanError, match="night 2024-10-21 is before 2024-10-22, the first of this lake"):
        nightly.night_dates(lake, MONDAY)
    assert written(lake) == before
    rollback(lake.settings, 1)
    with pytest.raises(PlanError, match="is before 2024-10-22, the first of this lake"):
        range_dates(lake, Range(MONDAY, TUESDAY))


def test_backfill__from_an_unknown_table__refused_by_name(lake):
    with pytest.raises(PlanError, match="backfill from gold.nothing: no such table"):
        backfill(lake, Range(MONDAY, TUESDAY, "gold.nothing"))
    assert not lake.settings.lake.exists()


def test_groups__one_by_one__make_what_the_whole_run_makes_and_publish_once(lake, test_settings, tmp_path):
    asked, other = Range(MONDAY, TUESDAY), small_lake(tmp_path / "other", test_settings)
    run_groups(lake, asked, base=0)
    shutil.copytree(lake.settings.private / "keys", other.settings.private / "keys")  # the same tokens
    backfill(other, asked)
    assert passed(lake) == passed(other)
    assert tables(passed(lake)) == set(lake.catalogue.order)
    assert nights.content(lake) == nights.content(other)
    mine, theirs = (read_releases(at.settings) for at in (lake, other))
    assert [release.run_id for release in mine] == [asked.run_id]
    assert (mine[0].night, mine[0].first_date, mine[0].public) == (TUESDAY, MONDAY, theirs[0].public)
    assert [len(list(at.settings.reports.glob("quality-*.html"))) for at in (lake, other)] == [1, 1]


def test_group__tried_again__makes_only_what_had_failed(lake):
    asked, group, groups = Range(MONDAY, TUESDAY), lake.catalogue[CHOSEN].group, lake.catalogue.groups
    run_groups(lake, asked, *groups[: groups.index(group)])
    before = passed(lake)
    broken = with_parameters(lake, customers={"no_such": "value"})
    with pytest.raises(ConfigurationError, match=f"parameters of {MADE_FROM_IT}"):
        run_groups(broken, asked, group)
    after = passed(lake)
    assert tables(after - before) == {CHOSEN}
    run_groups(lake, asked, group)
    assert tables(passed(lake) - after) == {MADE_FROM_IT}


def test_backfill__after_some_groups_of_the_dag__goes_on_where_they_stopped(lake):
    asked = Range(MONDAY, TUESDAY, as_of="sparse")
    run_groups(lake, asked, "landing", "reference_bronze", "reference")
    made = passed(lake)
    assert "silver.branches" in tables(made)
    release = backfill(lake, asked)
    assert release.run_id == asked.run_id
    assert tables(passed(lake) - made) == {CHOSEN, MADE_FROM_IT}


def test_open_range__published_nights__knows_what_they_took(lake):
    taken = {"night": MONDAY, "feed": "crm_customers", "business_date": MONDAY, "sequence": 1, "content_hash": "x"}
    manifests = ops.append_ops(lake.settings, "manifests", ops.as_table("manifests", [taken]), {})
    ledger = ops.append_ops(lake.settings, "ledger", ops.as_table("ledger", []), {})
    publish_release(
        lake.settings, run_id="nightly:x", kind="nightly", night=MONDAY, first_date=MONDAY,
        vector={"ops.manifests": manifests, "ops.ledger": ledger}, public=(), stale_feeds={},
    )  # fmt: skip
    run = open_range(lake, Range(MONDAY, MONDAY, CHOSEN), nights.say_nothing)
    assert set(run.deliveries) == {("crm_customers", MONDAY)}


def test_publish_and_report__after_the_release_has_changed__are_harmless(lake):
    backfill(lake, Range(MONDAY, MONDAY))
    asked = Range(WEDNESDAY, THURSDAY)
    dates, told = range_dates(lake, asked), []
    assert dates.landed == (TUESDAY, WEDNESDAY, THURSDAY)
    run_groups(lake, asked, base=1)
    assert base_of_range(lake, asked).number == 1
    assert range_dates(lake, asked) == open_range(lake, asked, nights.say_nothing).dates == dates
    before = written(lake)
    run_groups(lake, asked, "landing", "people", "publish", "report", base=1, told=told)
    assert written(lake) == before
    assert "release 2 stands: nothing changed" in told
    assert {path.name for path in lake.settings.reports.glob("quality-*.html")} == {
        "quality-2024-10-21.html",
        "quality-2024-10-24.html",
    }


def test_group__another_run_published_since_the_check__refused_naming_it(lake):
    backfill(lake, Range(MONDAY, MONDAY))
    asked = Range(MONDAY, TUESDAY)
    run_groups(lake, asked, "landing", base=1)
    with pytest.raises(LeaseError, match=f"held by {asked.run_id} "):
        nights.night(lake, TUESDAY)
    break_lease(lake.settings, "the range is given up")
    nights.night(lake, TUESDAY)
    before = written(lake)
    with pytest.raises(PlanError, match="nightly:2024-10-22 published release 2 after the range began"):
        run_groups(lake, asked, "trading_bronze", base=1)
    assert written(lake) == before


def test_report__another_run_published_after_this_one__still_works(lake):
    asked = Range(MONDAY, MONDAY)
    backfill(lake, asked)
    nights.night(lake, TUESDAY)
    run_groups(lake, asked, "publish", "report", base=0)
    assert len(read_releases(lake.settings)) == 2


def test_groups__from_a_table__only_the_chosen_ones_and_others_do_nothing(lake):
    backfill(lake, Range(MONDAY, TUESDAY))
    asked, changed, before, rows = Range(MONDAY, MONDAY, CHOSEN), in_tokyo(lake), passed(lake), written(lake)
    run_groups(changed, asked, "landing", "reference_bronze", "reference", "identity")
    assert (passed(lake), written(lake)) == (before, rows)
    run_groups(changed, asked, base=1)
    assert tables(passed(lake) - before) == {CHOSEN, MADE_FROM_IT}
    assert [release.run_id for release in read_releases(lake.settings)][-1] == asked.run_id


@pytest.mark.parametrize("from_table", [None, CHOSEN])
def test_plan__of_a_range__is_what_the_backfill_then_runs(lake, from_table):
    backfill(lake, Range(MONDAY, WEDNESDAY))
    asked, changed, before = Range(TUESDAY, TUESDAY, from_table), in_tokyo(lake), passed(lake)
    plan = make_plan(changed, asked.run_id, range_dates(changed, asked), chosen_tables(changed, from_table))
    backfill(changed, asked)
    made = passed(lake) - before
    to_run = [step for step in plan if step.action == "run"]
    certain = {(step.table, day) for step in to_run if step.reason[:9] != "made from" for day in step.dates}
    assert certain and certain <= set(made)
    assert tables(made) <= {step.table for step in to_run}
    assert {step.table for step in plan} == {table.name for table in chosen_tables(lake, from_table)}
