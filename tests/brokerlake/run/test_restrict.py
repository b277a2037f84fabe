"""A restricted customer: gone from public gold and every reader, everybody else as before, totals still carried.

Tables are written by deltalake, ledger and releases are the runner's own; nothing needs Spark.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

from brokerlake.catalog import Catalogue
from brokerlake.cli import main
from brokerlake.errors import PlanError, TotalsError
from brokerlake.lake import Lake, open_lake
from brokerlake.lease import hold
from brokerlake.plan.dates import RunDates
from brokerlake.plan.state import load_state
from brokerlake.reader import open_release
from brokerlake.release.releases import Release, current_release, publish_release, read_releases
from brokerlake.run.context import Run, open_run
from brokerlake.run.meter import Spent
from brokerlake.run.publish import reconcile
from brokerlake.run.restrict import lift_restriction, restrict_customer
from brokerlake.settings import load_settings
from brokerlake.tables import delta_files, ops
from brokerlake.tables.digests import measure
from tests.rows import arrow_rows

MONDAY, TUESDAY = date(2024, 3, 4), date(2024, 3, 5)
MAP, WINDOWS, DAYS, RFM, WIDE = (
    "silver.identity_map", "silver.customer_windows", "silver.party_days", "gold.rfm", "gold.tag_wide",
)  # fmt: skip
ANNA, BERT = "C1", "C2"


def told(kind: str, identifier: str, one_id: str, **more) -> dict:
    return {"identifier_kind": kind, "identifier": identifier, "one_id": one_id, "_delivered_on": MONDAY, **more}


def per_person(column: str = "one_id", **more) -> list[dict]:
    """A row per person and date; Bert is not there on Monday."""
    people = [("p1", MONDAY), ("p1", TUESDAY), ("p2", TUESDAY)]
    return [{column: person, "as_of_date": day, **more} for person, day in people]


ROWS = {
    MAP: [
        told("customer", ANNA, "p1"), told("customer", BERT, "p2"), told("account", "a1", "p1"),
        told("device", "d1", "p1"), told("device", "shared", "p1"),
        told("device", "shared", "p1", is_closed=True, _delivered_on=TUESDAY),
    ],
    WINDOWS: per_person(net_assets_amount=100),
    DAYS: [
        {"party_kind": kind, "party_id": party, "effective_date": MONDAY, "_delivered_on": MONDAY}
        for kind, party in [("customer", ANNA), ("customer", BERT), ("device", "d1"), ("device", "shared")]
    ],
    RFM: per_person(monetary_amount=5),
    WIDE: per_person(),
}  # fmt: skip


@contextmanager
def at_work(lake: Lake, run_id: str = "backfill:b") -> Iterator[Run]:
    """A run of both dates, with the lease."""
    with hold(lake.settings, run_id) as lease:
        yield open_run(lake, "backfill", run_id, RunDates((), (), (MONDAY, TUESDAY), TUESDAY), lambda _: None, lease)


@pytest.fixture
def lake(tmp_path) -> Lake:
    """Monday and Tuesday published: Anna on both, Bert on Tuesday."""
    opened = open_lake(load_settings(home=tmp_path, profile="local"))
    tables = {name: table for name, table in opened.catalogue.tables.items() if name in ROWS}
    made = replace(opened, catalogue=Catalogue(tables, opened.catalogue.groups))
    with at_work(made, "nightly:x") as run:
        for name in made.catalogue.order:
            path, contract = made.settings.table_path(name), made.contract(name)
            delta_files.create(path, contract)
            version = delta_files.append(path, arrow_rows(name, ROWS[name]), {})
            found = measure(path, version, contract, [MONDAY, TUESDAY])
            run.record_passed(made.catalogue[name], version, found, Spent())
    vector = {**run.state.vector, "ops.ledger": int(delta_files.head(ops.ops_path(made.settings, "ledger")) or 0)}
    publish_release(
        made.settings, run_id="nightly:x", kind="nightly", night=TUESDAY, first_date=MONDAY,
        vector=vector, public=tuple(ROWS), stale_feeds={},
    )  # fmt: skip
    return made


def restrict(lake: Lake, customer: str = ANNA) -> Release:
    return restrict_customer(lake, customer, "asked for it", lambda _: None)


def people_in(lake: Lake, table: str, number: int | None = None) -> set[str]:
    column = "party_id" if table == DAYS else "identifier" if table == MAP else "one_id"
    return set(open_release(lake.settings, number=number).arrow(table)[column].to_pylist())


def test_restrict__a_customer__publishes_gold_without_them_and_deletes_nobody_else(lake):
    release = restrict(lake)
    assert (release.number, release.kind, release.night) == (2, "restrict", TUESDAY)
    for name in (RFM, WIDE):
        rows = DeltaTable(lake.settings.table_path(name), version=release.vector[name]).to_pyarrow_table()
        assert [(row["one_id"], row["as_of_date"]) for row in rows.to_pylist()] == [("p2", TUESDAY)]
    assert all(release.vector[name] == read_releases(lake.settings)[0].vector[name] for name in (MAP, WINDOWS, DAYS))
    assert ANNA not in json.dumps([release.run_id, release.note])


@pytest.mark.parametrize("number", [1, 2])
def test_reader__of_every_release__hides_all_that_names_the_person_and_nothing_else(lake, number):
    restrict(lake)
    assert people_in(lake, RFM, number) == {"p2"}
    assert people_in(lake, WINDOWS, number) == {"p2"}
    assert people_in(lake, DAYS, number) == {BERT, "shared"}
    assert people_in(lake, MAP, number) == {BERT}
    listed = open_release(lake.settings, number=number).tables().to_pylist()
    assert {row["name"]: row["rows"] for row in listed}[WINDOWS] == 1


def test_lift__readers_show_the_person_again_and_gold_is_due(lake):
    restrict(lake)
    lift_restriction(lake, ANNA, "a mistake")
    assert people_in(lake, WINDOWS) == {"p1", "p2"}
    run = open_run(lake, "backfill", "b", RunDates((), (), (MONDAY, TUESDAY), TUESDAY), lambda _: None)
    assert run.stale_days(lake.catalogue[RFM]) == [MONDAY, TUESDAY]
    with pytest.raises(PlanError, match="nothing to lift"):
        lift_restriction(lake, ANNA, "again")
    kept = ops.read_ops(lake.settings, "restrictions").sort_by("decided_at")
    assert kept["action"].to_pylist() == ["restrict", "lift"]


def test_ledger__after_a_restriction__tells_what_gold_holds_and_nothing_is_due(lake):
    release = restrict(lake)
    state, _ = load_state(lake.settings, "nobody", release)
    assert [state.get(RFM, day).row_count for day in (MONDAY, TUESDAY)] == [0, 1]
    path = lake.settings.table_path(RFM)
    found = measure(path, release.vector[RFM], lake.contract(RFM), [TUESDAY])
    assert state.get(RFM, TUESDAY).digest == found[TUESDAY].digest
    run = open_run(lake, "backfill", "b", RunDates((), (), (MONDAY, TUESDAY), TUESDAY), lambda _: None)
    assert [run.stale_days(lake.catalogue[name]) for name in (RFM, WIDE)] == [[], []]


def test_ledger__date_that_was_stale_before__stays_stale(lake):
    lake.settings.conf["parameters"].setdefault(RFM, {})["changed"] = True
    restrict(lake)
    run = open_run(lake, "backfill", "b", RunDates((), (), (MONDAY, TUESDAY), TUESDAY), lambda _: None)
    assert run.stale_days(lake.catalogue[RFM]) == [MONDAY, TUESDAY]
    assert run.stale_days(lake.catalogue[WIDE]) == []


def test_totals__of_gold_without_a_person__are_carried_less_what_silver_has_of_them(lake):
    restrict(lake)
    with at_work(lake) as run:
        reconcile(run, [lake.catalogue[RFM]])
    totals = ops.read_ops(lake.settings, "control_totals").to_pylist()
    shown = {(row["night"], row["came_in"], row["kept"], row["restricted"], row["difference"]) for row in totals}
    one, two, none = Decimal(1), Decimal(2), Decimal(0)
    assert shown == {(MONDAY, one, none, one, none), (TUESDAY, two, one, one, none)}


def test_totals__a_person_lost_who_is_not_restricted__still_stop(lake):
    restrict(lake)
    cause = f"gold.rfm: {TUESDAY}: rows is 0, silver.customer_windows has 2"
    with at_work(lake) as run, pytest.raises(TotalsError, match=cause):
        lost = replace(run.state.get(RFM, TUESDAY), row_count=0)
        run.state.record(RFM, {TUESDAY: lost}, lost.version)
        reconcile(run, [lake.catalogue[RFM]])


def test_restrict__interrupted_before_its_release__is_finished_by_the_same_command(lake, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("brokerlake.run.restrict.publish_vector", stop)
        with pytest.raises(KeyboardInterrupt):
            restrict(lake)
    assert current_release(lake.settings).number == 1
    assert people_in(lake, RFM) == {"p2"}, "readers hide them from the decision on"
    release = restrict(lake)
    assert release.number == 2
    rows = DeltaTable(lake.settings.table_path(RFM), version=release.vector[RFM]).to_pyarrow_table()
    assert pc.unique(rows["one_id"]).to_pylist() == ["p2"]
    assert restrict(lake).number == 2
    assert ops.read_ops(lake.settings, "restrictions").num_rows == 1


def test_restrict__unknown_customer__refused_and_nothing_recorded(lake):
    with pytest.raises(PlanError, match="release 1 knows no such customer_no"):
        restrict(lake, "C9")
    assert ops.read_ops(lake.settings, "restrictions").num_rows == 0


def test_restrict_command__restrict_then_lift__says_what_happened(lake, monkeypatch, capsys):
    monkeypatch.setattr("brokerlake.cli.workplace.Workplace.lake", lambda place: lake)
    assert main(["restrict", "--customer", ANNA, "--why", "case 17"]) == 0
    shown = capsys.readouterr().out
    assert "gold.rfm: 2 rows of 2 dates deleted" in shown and "release 2: night 2024-03-05" in shown
    assert main(["restrict", "--customer", ANNA, "--why", "case closed", "--lift"]) == 0
    assert "show the person again" in capsys.readouterr().out
