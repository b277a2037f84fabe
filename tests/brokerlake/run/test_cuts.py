"""Known that night: each kind of input is cut to what the run may know, one test a rule of run.md."""

from __future__ import annotations

from datetime import date
from functools import partial

import pytest

from brokerlake.catalog import Catalogue, Input, Log, Table
from brokerlake.errors import PlanError
from brokerlake.lake import Lake, load_calendar
from brokerlake.plan.state import Done, LedgerState
from brokerlake.plan.step_keys import StepKeys
from brokerlake.run import cuts
from brokerlake.run.cuts import Cutter
from brokerlake.run.latest import latest_known
from brokerlake.run.plan_size import rows_to_read
from brokerlake.tables import delta_files
from tests.conftest import PROJECT
from tests.rows import as_dicts, rows

pytestmark = pytest.mark.spark


@pytest.fixture(autouse=True, params=["from_files", "in_plan", "asked_to_file", "asked_in_plan"])
def way(request, monkeypatch, tmp_path):
    """Every rule holds for inputs cut by Spark, small ones that stand in the plan, and those that DuckDB cuts."""
    if request.param in ("from_files", "asked_to_file"):
        monkeypatch.setattr(cuts, "MOST_ROWS_IN_PLAN", 0)
    if request.param.startswith("asked"):
        monkeypatch.setattr(cuts, "Cutter", partial(Cutter, scratch=tmp_path / "cuts"))
    return request.param


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
    return cuts.Cutter(lake, spark, state, table, days)


def _cut(spark, test_settings, flows, dates, days, span=0, **more):
    entry = Input("flows", SOURCE, dates, span)
    return _cutter(spark, test_settings, flows, entry, days, **more).cut(entry)


def _pairs(frame, *columns):
    return sorted(tuple(row.values()) for row in as_dicts(frame, *columns))


@pytest.mark.parametrize(
    ("entry", "name", "expected"),
    [
        (Input("flows", SOURCE, "run"), "gold.x", 2),
        (Input("flows", SOURCE, "known"), "gold.x", 3),
        (Input("flows", SOURCE, "trading_days_back", 1), "gold.x", 2),
        (Input("flows", SOURCE, "trading_days_back", 2), "gold.x", 3),
        (Input("flows", SOURCE, "earlier"), "gold.x", 1),
        (Input("flows", SOURCE, "earlier"), SOURCE, 0),
        (Input("flows", SOURCE, "earlier", keys_of="run_rows"), "gold.x", 0),
        (Input("sessions", None, "run", source="library", value="exchange_calendar"), "gold.x", 0),
    ],
)
def test_rows_to_read__second_and_third_night__are_what_the_plan_sees(
    spark, test_settings, flows, entry, name, expected
):
    assert rows_to_read(_cutter(spark, test_settings, flows, entry, [D2, D3], name=name)) == expected


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


@pytest.mark.smoke
def test_as_of__correction_and_withdrawal__show_from_their_delivery_on(spark, test_settings, flows):
    frame = _cut(spark, test_settings, flows, "as_of", [D2, D3, D4])
    assert _pairs(frame, "as_of_date", "flow_id", "amount") == [
        (D2, "a", 1), (D2, "b", 2),
        (D3, "a", 1), (D3, "b", 20), (D3, "late", 3),
        (D4, "b", 20), (D4, "late", 3),
    ]  # fmt: skip


@pytest.mark.smoke
def test_trading_days_back__late_row__is_in_every_later_window_that_covers_it(spark, test_settings, flows):
    frame = _cut(spark, test_settings, flows, "trading_days_back", [D2, D3, D4], span=2)
    assert _pairs(frame, "as_of_date", "flow_id", "amount") == [
        (D2, "a", 1), (D2, "b", 2),
        (D3, "b", 20),
        # On D4 the window is D3 and D4: nothing is effective there.
    ]  # fmt: skip


def test_once__days_back__a_row_comes_with_the_first_date_that_has_it(spark, test_settings, flows):
    entry = Input("flows", SOURCE, "days_back", 3, once=True)
    frame = _cutter(spark, test_settings, flows, entry, [D2, D3, D4], log=None).cut(entry)
    assert _pairs(frame, "as_of_date", "flow_id", "_sequence") == [
        (D2, "a", 1), (D2, "b", 1),
        (D3, "b", 2), (D3, "late", 1),
        # On D4, D2 to D4 are effective; the first day is over, and the rest has come before.
    ]  # fmt: skip


@pytest.mark.parametrize(("dates", "span"), [("as_of", 0), ("trading_days_back", 2), ("days_back", 3)])
def test_one_date__each_kind__is_what_a_range_gives_for_it(spark, test_settings, flows, dates, span):
    columns = ("as_of_date", "flow_id", "amount", "_delivered_on")
    of_range = _pairs(_cut(spark, test_settings, flows, dates, [D1, D2, D3, D4], span), *columns)
    one_by_one = [_pairs(_cut(spark, test_settings, flows, dates, [day], span), *columns) for day in (D1, D2, D3, D4)]
    assert of_range and sum(one_by_one, []) == of_range


def test_keys_of__earlier_rows__are_those_a_job_may_ask_for(spark, test_settings, flows, way):
    entry = Input("earlier_flows", SOURCE, "earlier", keys_of="flows")
    found = _pairs(_cutter(spark, test_settings, flows, entry, [D3]).cut(entry), "flow_id", "_delivered_on")
    assert found == ([("b", D2)] if way.startswith("asked") else [("a", D1), ("b", D2)])


def test_latest__earlier_rows__are_the_last_of_each_key(spark, test_settings, flows, way):
    entry = Input("earlier_flows", SOURCE, "earlier", latest=True)
    found = _pairs(_cutter(spark, test_settings, flows, entry, [D4]).cut(entry), "flow_id", "_sequence")
    last = [("a", 1), ("b", 2), ("late", 1)]
    assert found == (last if way.startswith("asked") else sorted([*last, ("b", 1)]))


def test_columns__earlier_rows__have_these_alone(spark, test_settings, flows):
    entry = Input("earlier_flows", SOURCE, "earlier", columns=("flow_id", "_delivered_on"))
    frame = _cutter(spark, test_settings, flows, entry, [D2]).cut(entry)
    assert frame.columns == ["flow_id", "_delivered_on"] and frame.count() == 1


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


JANUARY, FEBRUARY, MARCH = date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 29)
SCORES = "gold.rfm"


@pytest.fixture(scope="module")
def scores(spark, test_settings):
    """An as-of table of two month ends and a night after; December was never made."""
    path = test_settings.table_path(SCORES)
    made = {JANUARY: 1, FEBRUARY: 2, D1: 3}
    values = [{"one_id": "p_1", "frequency_trading_days": n, "as_of_date": day} for day, n in made.items()]
    frame = rows(spark, SCORES, values)
    frame.write.format("delta").mode("overwrite").partitionBy("as_of_date").save(str(path))
    return path


def _month_ends(spark, test_settings, scores, days, span, entry=None, name="gold.clv_features", ahead=0):
    entry = entry or Input("scores", SCORES, "month_ends_back", span)
    later = [Input("flows", SOURCE, "ahead", ahead)] if ahead else []
    table = _table(name, None, entry, *later)
    catalogue = Catalogue({SCORES: _table(SCORES, None), SOURCE: _table(SOURCE, LOG), name: table}, ("g",))
    done = {(SCORES, day): Done(0, "", f"made {day}", 1, "{}") for day in (JANUARY, FEBRUARY, D1)}
    state = LedgerState({SCORES: int(delta_files.head(scores) or 0)}, done)
    return cuts.Cutter(
        Lake(test_settings, catalogue, load_calendar(test_settings), {}), spark, state, table, days
    ), entry


def test_month_ends_back__as_of_dates__each_gets_the_last_ones_its_own_included(spark, test_settings, scores):
    cutter, entry = _month_ends(spark, test_settings, scores, [date(2024, 2, 28), FEBRUARY, D1], 2)
    found = _pairs(cutter.cut(entry), "as_of_date", "month_end_date", "frequency_trading_days")
    assert found == [
        (date(2024, 2, 28), JANUARY, 1),  # December, the one before, was never made
        (FEBRUARY, JANUARY, 1), (FEBRUARY, FEBRUARY, 2),
        (D1, JANUARY, 1), (D1, FEBRUARY, 2),
    ]  # fmt: skip


def test_month_ends_back__one_month__leaves_out_what_lies_further_back(spark, test_settings, scores):
    cutter, entry = _month_ends(spark, test_settings, scores, [FEBRUARY, D1, MARCH], 1)
    found = _pairs(cutter.cut(entry), "as_of_date", "month_end_date")
    assert found == [(FEBRUARY, FEBRUARY), (D1, FEBRUARY)]  # the end of March was not made either


def test_month_ends_back__labels__those_of_the_labelled_date(spark, test_settings, scores):
    cutter, entry = _month_ends(spark, test_settings, scores, [D1], 2, ahead=2)
    found = _pairs(cutter.cut(entry), "as_of_date", "known_on", "month_end_date")
    assert found == [(FEBRUARY, D1, JANUARY), (FEBRUARY, D1, FEBRUARY)]


@pytest.mark.parametrize(("source", "name"), [(SOURCE, "gold.clv_features"), (SCORES, SCORES)])
def test_month_ends_back__log_or_the_table_itself__is_refused(spark, test_settings, scores, source, name):
    entry = Input("scores", source, "month_ends_back", 2)
    cutter, _ = _month_ends(spark, test_settings, scores, [D1], 2, entry=entry, name=name)
    with pytest.raises(PlanError, match="month_ends_back is for other tables with as_of_date"):
        cutter.cut(entry)


def test_month_ends_back__optional_table_not_configured__is_empty_with_both_dates(spark, test_settings, scores):
    entry = Input("scores", "gold.churn_features", "month_ends_back", 2, optional=True)
    cutter, _ = _month_ends(spark, test_settings, scores, [D1], 2, entry=entry)
    frame = cutter.cut(entry)
    assert frame.count() == 0 and {"month_end_date", "as_of_date", "one_id"} <= set(frame.columns)


def test_month_ends_back__month_end_made_again__makes_later_dates_stale_only(spark, test_settings, scores):
    cutter, _ = _month_ends(spark, test_settings, scores, [D1], 2)
    keys = StepKeys(cutter.lake, cutter.state, {})
    days = (JANUARY, FEBRUARY, D1)
    before = [keys.of(cutter.table, day) for day in days]
    cutter.state.record(SCORES, {FEBRUARY: Done(1, "", "made again", 1, "{}")}, 1)
    after = [keys.of(cutter.table, day) for day in days]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, False]
    cutter.state.record(SCORES, {date(2023, 12, 29): Done(2, "", "made late", 1, "{}")}, 2)
    assert keys.of(cutter.table, JANUARY) != before[0]


def test_sessions__library_input__is_every_natural_day(spark, test_settings, flows):
    entry = Input("sessions", None, "run", source="library", value="exchange_calendar")
    frame = _cutter(spark, test_settings, flows, entry, [D3]).cut(entry)
    assert as_dicts(frame.where("natural_date = DATE'2024-03-09'"), "is_trading_day") == [{"is_trading_day": False}]


def test_latest_known__same_version_twice__is_one_row(spark, test_settings):
    frame = rows(spark, SOURCE, [{"flow_id": "a", "amount": 1}, {"flow_id": "a", "amount": 2, "_sequence": 2}])
    from brokerlake.catalog import contract_of

    latest = latest_known(frame, LOG, contract_of(PROJECT, SOURCE))
    assert _pairs(latest, "flow_id", "amount") == [("a", 2)]
