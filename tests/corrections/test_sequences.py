"""Corrections by higher sequence in every order: the latest known is the same as if only the last had come, on time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from brokerlake.reader import open_release
from brokerlake.tables import ops
from tests.corrections import lakes
from tests.e2e import nights
from tests.faults.extracts import deliver
from tests.faults.firm import Row

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("sequences")]

ORDERS: dict[str, list[tuple[int, int]]] = {
    "before its night": [(1, 0), (2, 0)],
    "in the next night": [(1, 0), (2, 1)],
    "nights later": [(1, 0), (2, 3)],
    "of a file that was late itself": [(1, 2), (2, 3)],
    "two, one after the other": [(1, 0), (2, 1), (3, 2)],
    "two at once": [(1, 0), (2, 1), (3, 1)],
    "two, the last one first": [(1, 0), (3, 1), (2, 2)],
    "before what it corrects": [(2, 1), (1, 2)],
    "the same file twice": [(1, 0), (4, 1)],
}
"""Sequences of a business date and how many nights after it each is handed over; each order has a date of its own."""
NIGHTS = len(ORDERS) + 3


def version(rows: list[Row], sequence: int) -> list[Row]:
    """What the delivery of that sequence says: another fee, a row less, a row more; 4 says again what 1 said."""
    if sequence in (1, 4):
        return rows[:8]
    gone = {2: 1, 3: 2}[sequence]
    kept = [row for at, row in enumerate(rows[:8]) if at != gone]
    kept[0] = {**kept[0], "commission": f"{sequence}.50"}
    return [*kept, rows[7 + sequence]]


@pytest.fixture(scope="module")
def corrected(spark, test_settings, tmp_path_factory):
    """A range pass over the first nights, then a night, then a range pass: both ways of running take corrections."""
    landed = lakes.land(tmp_path_factory.mktemp("sequences"), test_settings, NIGHTS)
    lake = replace(landed.lake, catalogue=landed.lake.catalogue.restrict_to_tables(["silver.executions"]))
    for day in landed.days:
        lakes.remove(lake, day)
    for at, order in enumerate(ORDERS.values()):
        for sequence, later in order:
            rows = version(landed.rows[landed.days[at]][lakes.EXECUTIONS], sequence)
            came = landed.days[at + later]
            deliver(
                lake.settings.landing, lakes.EXECUTIONS, landed.days[at], rows, sequence=sequence, delivered_on=came
            )
    nights.backfill(lake, landed.days[0], landed.days[6])
    nights.night(lake, landed.days[7])
    nights.backfill(lake, landed.days[8], landed.days[-1])
    return replace(landed, lake=lake)


@pytest.mark.parametrize("order", ORDERS)
def test_corrections__in_any_order__latest_known_is_the_highest_sequence(corrected, order):
    at = list(ORDERS).index(order)
    day, last = corrected.days[at], max(sequence for sequence, _ in ORDERS[order])
    rows = version(corrected.rows[day][lakes.EXECUTIONS], last)
    expected = sorted((row["execution_id"], Decimal(row["commission"])) for row in rows)
    found = open_release(corrected.lake.settings).arrow("silver.executions").to_pylist()
    assert sorted((r["execution_id"], r["commission"]) for r in found if r["trade_date"] == day) == expected


def test_corrections__after_their_night__withdraw_what_they_lack_and_every_row_is_counted(corrected):
    totals = ops.read_ops(corrected.lake.settings, "control_totals").to_pylist()
    rows = [row for row in totals if row["step"] == "bronze" and row["measure"] == "rows"]
    rows = [row for row in rows if row["feed"] == lakes.EXECUTIONS]
    assert [row for row in rows if row["difference"]] == []
    # By 2: one row of 1 in four orders. By 3: one of 1 or 2 in three, and what 2 had added. By the same again: none.
    assert sum(row["withdrawn"] for row in rows) == 8
    manifests = ops.read_ops(corrected.lake.settings, "manifests").to_pylist()
    superseded = {(m["business_date"], m["sequence"]) for m in manifests if m["is_superseded"]}
    names = list(ORDERS)
    assert superseded == {
        (corrected.days[names.index(name)], sequence)
        for name, sequence in [
            ("before its night", 1),
            ("two at once", 2),
            ("two, the last one first", 2),
            ("before what it corrects", 1),
        ]
    }
