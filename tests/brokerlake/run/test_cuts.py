"""Known that night: each kind of input is cut to what the run may know, one test a rule of run.md."""

from __future__ import annotations

from datetime import date

import pytest

from brokerlake.catalog import Catalogue, Input, Log, Table
from brokerlake.errors import PlanError
from brokerlake.lake import Lake, load_calendar
from brokerlake.plan.state import Done, LedgerState
from brokerlake.run.cuts import Cutter, latest_known
from brokerlake.tables import delta_files
from tests.conftest import PROJECT
from tests.rows import as_dicts, rows

pytestmark = pytest.mark.spark

D1, D2, D3, D4 = date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 6), date(2024, 3, 7)
SOURCE = "silver.cash_flows"
LOG = Log(("flow_id",), deleted="_withdrawn")


def _table(name: str, log: Log | None, *inputs: Input, write: str = "replace_dates") -> Table:
    return Table(name, "o", "tier_1", "g", "daily", "per_range", write, False, (), inputs, log, None)


@pytest.fixture(scope="module")
def flows(spark, test_settings):
    """cash_flows as delivered on four nights: one late, one corrected, one withdrawn."""
    path = test_settings.table_path(SOURCE)
    frame = rows(
        spark,
        SOURCE,
        [
            {"flow_id": "a", "amount": 1, "flow_date": D1, "_business_date": D1, "_delivered_on": D1},
            {"flow_id": "b", "amount": 2, "flow_date": D2, "_business_date": D2, "_delivered_on": D2},
            {"flow_id": "late", "amount": 3, "flow_date": D1, "_business_date": D1, "_delivered_on": D3},
            {"flow_id": "b", "amount": 20, "flow_date": D2, "_business_date": D2, "_sequence": 2, "_delivered_on": D3},
            {
                "flow_id": "a",
                "amount": 1,
                "flow_date": D1,
                "_business_date": D1,
                "_sequence": 2,
                "_withdrawn": True,
                "_delivered_on": D4,
            },
        ],
    )
    frame.write.format("delta").mode("overwrite").partitionBy("_delivered_on").save(str(path))
    return path


def _cutter(spark, test_settings, flows, entry: Input, days, log=LOG, name="gold.x") -> Cutter:
    table = _table(name, None, entry)
    catalogue = Catalogue({SOURCE: _table(SOURCE, log), table.name: table}, ("g",))
    lake = Lake(test_settings, catalogue, load_calendar(test_settings), {})
    done = {(SOURCE, day): Done(0, "", "", 1, "{}") for day in (D1, D2, D3, D4)}
    state = LedgerState({SOURCE: int(delta_files.head(flows) or 0)}, done)
    return Cutter(lake, spark, state, table, days)


def _cut(spark, test_settings, flows, dates, days, span=0, **more):
    entry = Input("flows", SOURCE, dates, span)
    return _cutter(spark, test_settings, flows, entry, days, **more).cut(entry)


def _pairs(frame, *columns):
    return sorted(tuple(row.values()) for row in as_dicts(frame, *columns))


def test_run__two_nights__gives_their_deliveries_only(spark, test_settings, flows):
    frame = _cut(spark, test_settings, flows, "run", [D2, D3])
    assert _pairs(frame, "flow_id", "_delivered_on") == [("b", D2), ("b", D3), ("late", D3)]


def test_earlier__run_of_the_third_night__gives_what_came_before_it(spark, test_settings, flows):
    assert _pairs(_cut(spark, test_settings, flows, "earlier", [D3, D4]), "flow_id") == [("a",), ("b",)]


def test_known__run_until_the_third_night__leaves_out_later_deliveries(spark, test_settings, flows):
    frame = _cut(spark, test_settings, flows, "known", [D2, D3])
    assert _pairs(frame, "flow_id", "_sequence") == [("a", 1), ("b", 1), ("b", 2), ("late", 1)]


def test_previous__first_night_of_the_run__gives_the_night_before(spark, test_settings, flows):
    assert _pairs(_cut(spark, test_settings, flows, "previous", [D2, D3]), "flow_id") == [("a",)]


def test_previous__night_before_was_not_made__is_refused(spark, test_settings, flows):
    entry = Input("flows", SOURCE, "previous")
    cutter = _cutter(spark, test_settings, flows, entry, [D3])
    cutter.state.forget(SOURCE, [D2])
    with pytest.raises(PlanError, match="silver.cash_flows of 2024-03-05 was not made"):
        cutter.cut(entry)


def test_as_of__correction_and_withdrawal__show_from_their_delivery_on(spark, test_settings, flows):
    frame = _cut(spark, test_settings, flows, "as_of", [D2, D3, D4])
    assert _pairs(frame, "as_of_date", "flow_id", "amount") == [
        (D2, "a", 1), (D2, "b", 2),
        (D3, "a", 1), (D3, "b", 20), (D3, "late", 3),
        (D4, "b", 20), (D4, "late", 3),
    ]  # fmt: skip


def test_trading_days_back__late_row__is_in_every_later_window_that_covers_it(spark, test_settings, flows):
    frame = _cut(spark, test_settings, flows, "trading_days_back", [D2, D3, D4], span=2)
    assert _pairs(frame, "as_of_date", "flow_id", "amount") == [
        (D2, "a", 1), (D2, "b", 2),
        (D3, "b", 20),
        # On D4 the window is D3 and D4: nothing is effective there.
    ]  # fmt: skip


def test_days_back__window_edge__is_counted_in_natural_days(spark, test_settings, flows):
    frame = _cut(spark, test_settings, flows, "days_back", [D3], span=3)
    assert _pairs(frame, "flow_id") == [("a",), ("b",), ("late",)]
    assert _pairs(_cut(spark, test_settings, flows, "days_back", [D3], span=2), "flow_id") == [("b",)]


def test_ahead__labels_of_two_days_ago__see_only_what_follows_the_as_of_date(spark, test_settings, flows):
    frame = _cut(spark, test_settings, flows, "ahead", [D3], span=2)
    assert _pairs(frame, "as_of_date", "known_on", "flow_id", "amount") == [(D1, D3, "b", 20)]


def test_optional_input__feed_not_configured__arrives_empty_with_its_columns(spark, test_settings, flows):
    entry = Input("events", "silver.events", "days_back", 3, optional=True)
    frame = _cutter(spark, test_settings, flows, entry, [D3]).cut(entry)
    assert frame.count() == 0
    assert {"event_id", "as_of_date"} <= set(frame.columns)


def test_sessions__library_input__is_every_natural_day(spark, test_settings, flows):
    entry = Input("sessions", None, "run", source="library", value="exchange_calendar")
    frame = _cutter(spark, test_settings, flows, entry, [D3]).cut(entry)
    assert as_dicts(frame.where("natural_date = DATE'2024-03-09'"), "is_trading_day") == [{"is_trading_day": False}]


def test_latest_known__same_version_twice__is_one_row(spark, test_settings):
    frame = rows(spark, SOURCE, [{"flow_id": "a", "amount": 1}, {"flow_id": "a", "amount": 2, "_sequence": 2}])
    from brokerlake.catalog import contract_of

    latest = latest_known(frame, LOG, contract_of(PROJECT, SOURCE))
    assert _pairs(latest, "flow_id", "amount") == [("a", 2)]
