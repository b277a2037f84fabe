"""A range of nights: what is refused, and that group by group is the same run as all at once.

Plan, ledger, landing and releases are real, the catalogue is a part of the real one; the steps only pretend to make
their tables, so no Spark is needed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest

from brokerlake.catalog import Catalogue
from brokerlake.errors import LeaseError, PlanError, QualityError
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
from brokerlake.run.meter import Spent
from brokerlake.settings import load_settings
from brokerlake.tables import ops
from brokerlake.tables.digests import nothing

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(2024, 10, day) for day in (21, 22, 23, 24, 25))
CHOSEN = "gold.tag_values"
TABLES = {
    "bronze.crm_customers", "bronze.trading_accounts", "silver.calendar", "silver.customer_changes",
    "silver.account_changes", "silver.customers", "silver.identity_map", "silver.customer_windows",
    CHOSEN, "gold.tag_wide", "gold.rfm", "gold.customer_360",
}  # fmt: skip


class Pretended:
    """Steps that record a passed table without making it; `broken` tables fail instead."""

    def __init__(self) -> None:
        self.built: list[tuple[str, tuple[date, ...]]] = []
        self.broken: set[str] = set()
        self.reported: list[int] = []
        self.told: list[str] = []

    def step(self, run, table) -> bool:
        days = run.stale_days(table)
        if not days:
            return False
        if table.name in self.broken:
            run.record_failed(table.name, days, Spent())
            raise QualityError(f"{table.name}: critical rule x failed")
        self.built.append((table.name, tuple(days)))
        empty = nothing(run.contract(table))
        measured = {
            day: replace(empty, digest=f"{table.name} {day if table.write != 'replace_all' else ''}") for day in days
        }
        run.record_passed(table, run.state.vector.get(table.name, -1) + 1, measured, Spent())
        return True

    def take_names(self) -> set[str]:
        """Tables built since the last call."""
        names = {name for name, _ in self.built}
        self.built.clear()
        return names


@pytest.fixture
def steps(monkeypatch) -> Pretended:
    pretended = Pretended()
    monkeypatch.setattr(nightly, "run_bronze_step", pretended.step)
    monkeypatch.setattr(nightly, "run_table_step", pretended.step)
    monkeypatch.setattr(nightly, "write_report", lambda lake, release, tell: pretended.reported.append(release.number))
    monkeypatch.setattr("brokerlake.session.open_session", lambda *_, **__: SimpleNamespace(version="none"))
    return pretended


@pytest.fixture
def lake(tmp_path) -> Lake:
    """An empty lake of a few tables, whose feeds may all stay away."""
    opened = open_lake(load_settings(home=tmp_path))
    tables = {name: table for name, table in opened.catalogue.tables.items() if name in TABLES}
    feeds = [table.feed for table in tables.values() if table.feed]
    return replace(
        opened,
        catalogue=Catalogue(tables, opened.catalogue.groups),
        feeds={feed: {**opened.feeds[feed], "required": False} for feed in feeds},
    )


def backfill(lake: Lake, steps: Pretended, asked: Range) -> Release:
    return run_backfill(
        lake, asked.first, asked.last, from_table=asked.from_table, as_of=asked.as_of, progress=steps.told.append
    )


def run_groups(lake: Lake, steps: Pretended, asked: Range, *groups: str, base: int | None = None) -> None:
    for group in groups or lake.catalogue.groups:
        run_range_group(lake, group, asked, steps.told.append, base=base)


def written(lake: Lake) -> int:
    """Rows of every table a run writes to before it publishes, and releases."""
    return sum(ops.read_ops(lake.settings, name).num_rows for name in ("ledger", "manifests", "releases"))


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


def test_backfill__from_a_table_on_unpublished_nights__refused_with_table_and_first_such_night(lake, steps):
    asked = Range(TUESDAY, THURSDAY, CHOSEN)
    with pytest.raises(PlanError, match=f"backfill from {CHOSEN}: night 2024-10-22 is not published yet"):
        backfill(lake, steps, asked)
    backfill(lake, steps, Range(MONDAY, TUESDAY))
    before = written(lake)
    with pytest.raises(PlanError, match=f"{CHOSEN}: night 2024-10-23 is not published yet") as refused:
        backfill(lake, steps, asked)
    assert "\n" not in str(refused.value)
    with pytest.raises(PlanError, match="night 2024-10-23 is not published yet"):
        run_range_group(lake, "landing", asked, steps.told.append)
    assert written(lake) == before


@pytest.mark.parametrize("from_table", [None, CHOSEN])
def test_backfill__nights_before_the_lakes_first__refused_and_told_that_rows_can_come_late(lake, steps, from_table):
    backfill(lake, steps, Range(TUESDAY, WEDNESDAY))
    backfill(lake, steps, Range(THURSDAY, THURSDAY))
    before = written(lake)
    with pytest.raises(PlanError, match="2024-10-21 is before 2024-10-22, the first of this lake") as refused:
        backfill(lake, steps, Range(MONDAY, WEDNESDAY, from_table))
    assert "a lake cannot get nights before its first; their rows can come late" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert written(lake) == before


def test_backfill__nights_before_the_first_after_a_rollback__still_refused(lake, steps):
    for night in (TUESDAY, WEDNESDAY):
        backfill(lake, steps, Range(night, night))
    rollback(lake.settings, 1)
    with pytest.raises(PlanError, match="is before 2024-10-22, the first of this lake"):
        range_dates(lake, Range(MONDAY, TUESDAY))


def test_night__before_the_lakes_first__refused_too(lake, steps):
    run_backfill(lake, TUESDAY, TUESDAY, progress=steps.told.append)
    with pytest.raises(PlanError, match="night 2024-10-21 is before 2024-10-22, the first of this lake"):
        nightly.night_dates(lake, MONDAY)


def test_backfill__from_an_unknown_table__refused_by_name(lake, steps):
    with pytest.raises(PlanError, match="backfill from gold.nothing: no such table"):
        backfill(lake, steps, Range(MONDAY, TUESDAY, "gold.nothing"))
    assert not lake.settings.lake.exists()


def test_groups__one_by_one__make_what_the_whole_run_makes_and_publish_once(lake, steps, tmp_path):
    asked = Range(MONDAY, TUESDAY)
    run_groups(lake, steps, asked, base=0)
    by_group = sorted(steps.built)
    other = replace(lake, settings=load_settings(home=tmp_path / "other"))
    steps.built.clear()
    backfill(other, steps, asked)
    assert by_group == sorted(steps.built)
    assert {name for name, _ in by_group} == set(lake.catalogue.order)
    mine, theirs = (read_releases(at.settings) for at in (lake, other))
    assert [release.run_id for release in mine] == [asked.run_id]
    assert (mine[0].night, mine[0].first_date, mine[0].public) == (TUESDAY, MONDAY, theirs[0].public)
    assert steps.reported == [1, 1]


def test_group__tried_again__makes_only_what_had_failed(lake, steps):
    asked, group = Range(MONDAY, TUESDAY), lake.catalogue[CHOSEN].group
    groups = lake.catalogue.groups
    run_groups(lake, steps, asked, *groups[: groups.index(group)])
    steps.take_names()
    steps.broken = {"gold.tag_wide"}
    with pytest.raises(QualityError):
        run_groups(lake, steps, asked, group)
    assert steps.take_names() == {CHOSEN}
    steps.broken.clear()
    run_groups(lake, steps, asked, group)
    assert steps.take_names() == {"gold.tag_wide"}


def test_backfill__after_some_groups_of_the_dag__goes_on_where_they_stopped(lake, steps):
    asked = Range(MONDAY, TUESDAY, as_of="sparse")
    run_groups(lake, steps, asked, *lake.catalogue.groups[:6])
    made = steps.take_names()
    assert "silver.customers" in made
    release = backfill(lake, steps, asked)
    assert release.run_id == asked.run_id
    assert steps.take_names() == set(lake.catalogue.order) - made


def test_open_range__published_nights__knows_what_they_took(lake, steps):
    taken = {"night": MONDAY, "feed": "crm_customers", "business_date": MONDAY, "sequence": 1, "content_hash": "x"}
    manifests = ops.append_ops(lake.settings, "manifests", ops.as_table("manifests", [taken]), {})
    ledger = ops.append_ops(lake.settings, "ledger", ops.as_table("ledger", []), {})
    publish_release(
        lake.settings, run_id="nightly:x", kind="nightly", night=MONDAY, first_date=MONDAY,
        vector={"ops.manifests": manifests, "ops.ledger": ledger}, public=(), stale_feeds={},
    )  # fmt: skip
    run = open_range(lake, Range(MONDAY, MONDAY, CHOSEN), steps.told.append)
    assert set(run.deliveries) == {("crm_customers", MONDAY)}


def test_publish_and_report__after_the_release_has_changed__are_harmless(lake, steps):
    backfill(lake, steps, Range(MONDAY, MONDAY))
    asked = Range(WEDNESDAY, THURSDAY)
    dates = range_dates(lake, asked)
    assert dates.landed == (TUESDAY, WEDNESDAY, THURSDAY)
    run_groups(lake, steps, asked, base=1)
    steps.take_names()
    assert base_of_range(lake, asked).number == 1
    assert range_dates(lake, asked) == open_range(lake, asked, steps.told.append).dates == dates
    before = written(lake)
    run_groups(lake, steps, asked, "landing", "people", "publish", "report", base=1)
    assert steps.take_names() == set()
    assert written(lake) == before
    assert steps.told[-1] == "release 2 stands: nothing changed"
    assert steps.reported == [1, 2, 2]


def test_group__another_run_published_since_the_check__refused_naming_it(lake, steps):
    backfill(lake, steps, Range(MONDAY, MONDAY))
    asked = Range(MONDAY, TUESDAY)
    run_groups(lake, steps, asked, "landing", base=1)
    with pytest.raises(LeaseError, match=f"held by {asked.run_id} "):
        nightly.run_night(lake, TUESDAY, steps.told.append)
    break_lease(lake.settings, "the range is given up")
    nightly.run_night(lake, TUESDAY, steps.told.append)
    before = written(lake)
    with pytest.raises(PlanError, match="nightly:2024-10-22 published release 2 after the range began"):
        run_groups(lake, steps, asked, "trading_bronze", base=1)
    assert written(lake) == before


def test_report__another_run_published_after_this_one__still_works(lake, steps):
    asked = Range(MONDAY, MONDAY)
    backfill(lake, steps, asked)
    nightly.run_night(lake, TUESDAY, steps.told.append)
    run_groups(lake, steps, asked, "publish", "report", base=0)
    assert len(read_releases(lake.settings)) == 2


def test_groups__from_a_table__only_the_chosen_ones_and_others_do_nothing(lake, steps):
    backfill(lake, steps, Range(MONDAY, TUESDAY))
    steps.take_names()
    asked = Range(MONDAY, MONDAY, CHOSEN)
    _change_code_of(lake, *TABLES)
    before = written(lake)
    run_groups(lake, steps, asked, "landing", "trading_bronze", "reference", "people", "value_marts")
    assert steps.take_names() == set()
    assert written(lake) == before
    run_groups(lake, steps, asked, base=1)
    assert set(steps.built) == {(name, (MONDAY,)) for name in (CHOSEN, "gold.tag_wide", "gold.customer_360")}
    assert [release.run_id for release in read_releases(lake.settings)][-1] == asked.run_id


def _change_code_of(lake: Lake, *tables: str) -> None:
    """As if their parameters had changed: their step keys are no longer those of the ledger."""
    for name in tables:
        lake.settings.conf["parameters"].setdefault(name, {})["changed"] = True  # type: ignore[index]
    for values in lake.feeds.values():
        values["changed"] = True  # type: ignore[index]


@pytest.mark.parametrize("from_table", [None, CHOSEN])
def test_plan__of_a_range__is_what_the_backfill_then_runs(lake, steps, from_table):
    backfill(lake, steps, Range(MONDAY, WEDNESDAY))
    steps.take_names()
    _change_code_of(lake, "silver.account_changes", CHOSEN)
    asked = Range(TUESDAY, TUESDAY, from_table)
    plan = make_plan(lake, asked.run_id, range_dates(lake, asked), chosen_tables(lake, from_table))
    backfill(lake, steps, asked)
    certain = {(step.table, step.dates) for step in plan if step.action == "run" and step.reason[:9] != "made from"}
    assert certain <= set(steps.built)
    assert {name for name, _ in steps.built} <= {step.table for step in plan if step.action == "run"}
    assert {step.table for step in plan} == {table.name for table in chosen_tables(lake, from_table)}
