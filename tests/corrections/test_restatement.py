"""Files 1, 2 and 5 days late: seen from the next night on, listed, and after a restatement as if on time."""

from __future__ import annotations

import shutil
from decimal import Decimal

import pytest
from deltalake import DeltaTable

from brokerlake.reader import open_release
from brokerlake.release.releases import current_release
from brokerlake.release.restatements import pending
from brokerlake.run.restate import as_of_tables, run_restatement
from brokerlake.run.restrict import restrict_customer
from brokerlake.tables import ops
from tests.corrections import lakes
from tests.e2e import nights

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("late_files")]

NIGHTS, LATE = 7, {1: 6, 3: 5, 4: 5}
"""Executions of a night (by its place) and the night they are handed over on: 5, 2 and 1 days late."""


@pytest.fixture(scope="module")
def on_time(spark, test_settings, tmp_path_factory):
    landed = lakes.land(tmp_path_factory.mktemp("on_time"), test_settings, NIGHTS)
    nights.backfill(landed.lake, landed.days[0], landed.days[-1])
    return landed


@pytest.fixture(scope="module")
def late(spark, test_settings, tmp_path_factory):
    landed = lakes.land(tmp_path_factory.mktemp("late"), test_settings, NIGHTS)
    for at, delivered in LATE.items():
        lakes.deliver_later(landed.lake, landed.days[at], landed.days[delivered])
    nights.backfill(landed.lake, landed.days[0], landed.days[-1])
    return landed


def as_of_content(landed) -> dict:
    """Digests of the as-of tables."""
    names = {table.name for table in as_of_tables(landed.lake)}
    return {key: digest for key, digest in nights.content(landed.lake).items() if key[0] in names}


def listed(landed) -> set[tuple]:
    """What ops.pending_restatements says of the amounts."""
    rows = ops.read_ops(landed.lake.settings, "pending_restatements").to_pylist()
    names = ("night", "effective_date", "first_as_of_date", "last_as_of_date", "row_count", "amount")
    return {tuple(row[name] for name in names) for row in rows if row["measure"] == "amount"}


def traded(landed, day) -> Decimal:
    """The sum of the executions of a day."""
    return sum((Decimal(row["amount"]) for row in landed.rows[day][lakes.EXECUTIONS]), Decimal(0))


def test_late_files__restated__equal_to_on_time_and_stay_so(on_time, late, tmp_path, test_settings):
    days, right, known = late.days, as_of_content(on_time), as_of_content(late)
    wrong = {key for key in right if right[key] != known[key]}
    assert {day for _, day in wrong} == set(days[1:6]), "dates before the first late file and from its night on"
    assert {table for table, _ in wrong} == {"silver.customer_windows", "gold.rfm", "gold.clv_features"}
    due = pending(late.lake.settings, current_release(late.lake.settings))
    assert (due.dates, due.rows) == (tuple(days[1:6]), len(LATE) * lakes.TRADES)
    assert listed(late) == {
        (days[came], days[at], days[at], days[came - 1], lakes.TRADES, traded(late, days[at]))
        for at, came in LATE.items()
    }
    home = tmp_path / "home"
    shutil.copytree(late.lake.settings.home, home)
    restated = lakes.Landed(nights.open_scratch(home, test_settings, lakes.CONF), days, late.rows)
    run_restatement(restated.lake, days[1], days[5], known_through=days[6], progress=nights.say_nothing)
    assert as_of_content(restated) == right
    assert pending(restated.lake.settings, current_release(restated.lake.settings)).dates == ()
    nights.night(restated.lake, days[3])
    nights.backfill(restated.lake, days[0], days[-1])
    assert as_of_content(restated) == right


def gold_rows(landed, day) -> dict[str, dict]:
    """The RFM rows of a date by person, as they stand in the released version."""
    release = current_release(landed.lake.settings)
    path = landed.lake.settings.table_path("gold.rfm")
    rows = DeltaTable(path, version=release.vector["gold.rfm"]).to_pyarrow_table().to_pylist()
    return {row["one_id"]: row for row in rows if row["as_of_date"] == day}


def test_restricted_customer__dates_made_again__leave_them_out_and_nobody_else_changes(
    on_time, late, tmp_path, test_settings
):
    home, day = tmp_path / "home", late.days[5]
    shutil.copytree(late.lake.settings.home, home)
    lake = nights.open_scratch(home, test_settings, lakes.CONF)
    customer = late.rows[late.days[0]]["crm_customers"][0]["customer_no"]
    found = open_release(lake.settings).duckdb().execute(
        "SELECT DISTINCT one_id FROM silver.identity_map WHERE identifier = ?", [customer]
    )  # fmt: skip
    ((one_id,),) = found.fetchall()
    before = gold_rows(on_time, day)
    assert one_id in before
    restrict_customer(lake, customer, "a test", nights.say_nothing)
    restricted = lakes.Landed(lake, late.days, late.rows)
    assert one_id not in gold_rows(restricted, late.days[6])
    run_restatement(lake, day, day, known_through=late.days[6], progress=nights.say_nothing)
    assert gold_rows(restricted, day) == {person: row for person, row in before.items() if person != one_id}
    totals = ops.read_ops(lake.settings, "control_totals").to_pylist()
    left_out = {(r["table_name"], r["restricted"]) for r in totals if r["restricted"] and r["measure"] == "rows"}
    assert left_out == {("gold.rfm", 1), ("gold.clv_features", 1)}
    assert [row for row in totals if row["difference"]] == []
