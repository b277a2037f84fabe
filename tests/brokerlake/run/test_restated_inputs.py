"""Inputs of restated dates: what came by the night of knowledge counts, as if it had been on time."""

from __future__ import annotations

from datetime import date

import pytest

from brokerlake.catalog import Catalogue, Input, Log, load_catalogue
from brokerlake.lake import Lake, load_calendar
from brokerlake.plan.state import Done, LedgerState
from brokerlake.run import cuts
from brokerlake.run.cuts import Cutter
from tests.brokerlake.run.test_cuts import D1, D2, D3, D4, LOG, SOURCE, _pairs, _table
from tests.brokerlake.run.test_cuts import flows as flows
from tests.conftest import PROJECT
from tests.rows import arrow_rows

pytestmark = pytest.mark.spark
ALL = load_catalogue(PROJECT / "data_catalog.yaml")
DAYS, MILESTONES = "silver.party_days", "silver.customer_milestones"


@pytest.fixture(autouse=True, params=[0, cuts.MOST_ROWS_IN_PLAN], ids=["from_files", "in_plan"])
def most_rows_in_plan(request, monkeypatch):
    """As in test_cuts: inputs read by Spark, and small ones that stand in the plan."""
    monkeypatch.setattr(cuts, "MOST_ROWS_IN_PLAN", request.param)


def cut(spark, test_settings, dates: str, days: list[date], known: date, span: int = 0, log: Log = LOG):
    """The flows of test_cuts for as-of dates that a restatement made known through a night."""
    entry = Input("flows", SOURCE, dates, span)
    table = _table("gold.x", None, entry)
    catalogue = Catalogue({SOURCE: _table(SOURCE, log), table.name: table}, ("g",))
    lake = Lake(test_settings, catalogue, load_calendar(test_settings), {})
    state = LedgerState({SOURCE: 0}, {(SOURCE, day): Done(0, "", "", 1, "{}") for day in (D1, D2, D3, D4)})
    from brokerlake.tables import delta_files

    state.vector[SOURCE] = int(delta_files.head(test_settings.table_path(SOURCE)) or 0)
    return Cutter(lake, spark, state, table, days, lambda _: known).cut(entry)


def test_window__restated__has_late_rows_and_corrections_on_the_night_that_owns_their_date(spark, test_settings, flows):
    frame = cut(spark, test_settings, "trading_days_back", [D2], D4, span=2)
    assert _pairs(frame, "as_of_date", "flow_id", "amount", "_delivered_on") == [
        (D2, "b", 20, D2), (D2, "late", 3, D1),
    ]  # fmt: skip


def test_window__restated_through_an_earlier_night__knows_nothing_after_it(spark, test_settings, flows):
    frame = cut(spark, test_settings, "days_back", [D2], D3, span=5)
    assert _pairs(frame, "flow_id", "amount") == [("a", 1), ("b", 20), ("late", 3)]


def test_window__two_restated_dates__each_has_what_speaks_of_it(spark, test_settings, flows):
    frame = cut(spark, test_settings, "days_back", [D1, D2], D4, span=5)
    assert _pairs(frame, "as_of_date", "flow_id", "amount") == [(D1, "late", 3), (D2, "b", 20), (D2, "late", 3)]


def test_as_of__log_of_facts_restated__state_with_what_came_later(spark, test_settings, flows):
    frame = cut(spark, test_settings, "as_of", [D2], D4)
    assert _pairs(frame, "as_of_date", "flow_id", "amount") == [(D2, "b", 20), (D2, "late", 3)]


def test_as_of__change_log_restated__the_change_told_last_wins(spark, test_settings, flows):
    log = Log(("flow_id",), ("_delivered_on",), "flow_date", "_withdrawn")
    frame = cut(spark, test_settings, "as_of", [D2], D3, log=log)
    assert _pairs(frame, "flow_id", "amount") == [("a", 1), ("b", 20), ("late", 3)]


@pytest.fixture(scope="module")
def told(spark, test_settings) -> LedgerState:
    """Days of a customer: a trade on D2, and one of D1 that is told on D4; milestones as the nights made them."""
    trade = {"party_kind": "customer", "party_id": "C1", "trade_count": 1, "net_revenue_amount": 5}
    values = {
        DAYS: [
            {**trade, "effective_date": D2, "_delivered_on": D2},
            {**trade, "effective_date": D1, "_delivered_on": D4},
            {**trade, "effective_date": D4, "_delivered_on": D4},
        ],
        "silver.customer_changes": [],
        "silver.account_changes": [],
        "silver.calendar": [
            {
                "natural_date": day,
                "is_trading_day": True,
                "night_date": day,
                "trading_day_number": at,
                "previous_trading_date": before,
            }
            for at, (before, day) in enumerate([(None, D1), (D1, D2), (D2, D3), (D3, D4)])
        ],  # fmt: skip
        MILESTONES: [
            {"party_kind": "customer", "party_id": "C1", "first_trade_on": D2, "_delivered_on": D2},
            {"party_kind": "customer", "party_id": "C1", "first_trade_on": D1, "_delivered_on": D4},
        ],
    }
    for name, rows in values.items():
        path = str(test_settings.table_path(name))
        spark.createDataFrame(arrow_rows(name, rows)).write.format("delta").mode("overwrite").save(path)
    done = {(name, day): Done(0, "", "", 1, "{}") for name in values for day in (D1, D2, D3, D4)}
    from brokerlake.tables import delta_files

    return LedgerState({name: int(delta_files.head(test_settings.table_path(name)) or 0) for name in values}, done)


def milestones(spark, test_settings, state: LedgerState, known: date) -> list[dict]:
    entry = Input("milestones", MILESTONES, "as_of")
    table = _table("gold.x", None, entry)
    catalogue = Catalogue({**ALL.tables, table.name: table}, ALL.groups)
    lake = Lake(test_settings, catalogue, load_calendar(test_settings), {})
    frame = Cutter(lake, spark, state, table, [D2], lambda _: known).cut(entry)
    return [row.asDict() for row in frame.collect()]


def test_as_of__log_of_states_restated__is_reckoned_from_what_is_known_and_no_later_day(spark, test_settings, told):
    (plain,) = milestones(spark, test_settings, told, D2)
    assert plain["first_trade_on"] == D2
    (restated,) = milestones(spark, test_settings, told, D4)
    assert (restated["first_trade_on"], restated["second_trade_on"], restated["last_trade_on"]) == (D1, D2, D2)
    assert (restated["lifetime_trade_count"], restated["as_of_date"]) == (2, D2)
