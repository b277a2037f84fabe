"""F14: the same file again, renamed, overlapping, corrected: nothing counts twice, and the correction wins."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import pytest

from brokerlake.reader import open_release
from brokerlake.tables import ops
from tests.faults import small_lake
from tests.faults.damage import SEEDS
from tests.faults.extracts import FEEDS, data_of, deliver
from tests.faults.firm import Row
from tests.faults.harmless import REPEATED
from tests.faults.small_lake import SmallLake

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_lake")]
SEEDED = [SEEDS[0], *(pytest.param(seed, marks=pytest.mark.release) for seed in SEEDS[1:])]
OF_THE_NIGHT = ["quantity_break"]
"""Columns that judge a row on its own night only, and are null in a later delivery of it."""


def again(small: SmallLake, feed: str, day: date, rows: list[Row], sequence: int, taken_on: date, name: str) -> None:
    """Hand the feed of `day` over again under another file name."""
    files = {name: (data_of(feed, rows), len(rows))}
    deliver(small.lake.settings.landing, feed, day, rows, sequence=sequence, delivered_on=taken_on, files=files)


def shown(small: SmallLake) -> dict[str, list[Any]]:
    """What a reader of the current release sees, by table, sorted."""
    released = open_release(small.lake.settings)
    tables = {name: released.arrow(name) for name in released.release.public}
    return {
        name: sorted(map(str, rows.drop_columns([c for c in OF_THE_NIGHT if c in rows.column_names]).to_pylist()))
        for name, rows in tables.items()
    }


def gold(small: SmallLake) -> dict[tuple[str, date], str]:
    return {key: digest for key, digest in small_lake.content(small.lake).items() if key[0].startswith("gold.")}


@pytest.mark.parametrize("seed", SEEDED)
def test_delivery__repeated_or_corrected_before_its_night__is_one_delivery(harmless_night, undisturbed, seed):
    print(f"seed {seed}")
    small = harmless_night(seed).small
    assert small_lake.known(small_lake.content(small.lake)) == small_lake.known(undisturbed.after)
    taken = ops.read_ops(small.lake.settings, "manifests").to_pylist()
    tonight = [row for row in taken if row["night"] == small.nights[0] and row["feed"] in REPEATED]
    assert {(row["sequence"], row["is_superseded"]) for row in tonight} == {(1, True), (2, True), (3, False)}
    totals = ops.read_ops(small.lake.settings, "control_totals").to_pylist()
    for feed in REPEATED:
        superseded = [row["superseded"] for row in totals if row["night"] == small.nights[0] and row["feed"] == feed]
        rows = len(small.rows[small.nights[0]][feed])
        assert max(superseded) == rows + rows // 2


@pytest.mark.release
@pytest.mark.parametrize("seed", SEEDS)
def test_delivery__repeated_overlapping_and_corrected_after_its_night__counts_once(
    copy, undisturbed, three_nights, seed
):
    print(f"seed {seed}")
    small, draw = copy(undisturbed.ran), random.Random(seed)
    first, second, third = small.nights
    for feed in FEEDS:
        again(small, feed, first, small.rows[first][feed], 2, second, "renamed.data")
    overlap = draw.sample(small.rows[first]["trading_orders"], 100)
    orders = [*small.rows[second]["trading_orders"], *overlap]
    again(small, "trading_orders", second, orders, 2, second, "overlapping.csv")
    small_lake.run_night(small.lake, second)
    corrected = _correct(small, draw, second, third, orders)
    small_lake.run_night(small.lake, third)

    expected, found = shown(three_nights), shown(small)
    for table in set(expected) - {"silver.executions", "silver.orders"}:
        assert found[table] == expected[table], table
    assert gold(small) == gold(three_nights)
    executions = open_release(small.lake.settings).arrow("silver.executions").to_pylist()
    before = open_release(three_nights.lake.settings).arrow("silver.executions").to_pylist()
    fees = {row["execution_id"]: row["commission"] for row in executions}
    assert len(executions) == len(before) == len(fees)
    assert {key for key, fee in fees.items() if fee == 3} == {row["execution_id"] for row in corrected}
    assert len(found["silver.orders"]) == len(expected["silver.orders"]) - 1


def _correct(small: SmallLake, draw: random.Random, day: date, taken_on: date, orders: list[Row]) -> list[Row]:
    """A higher sequence for a published night: some fees are other ones, and one order never was."""
    rows = [dict(row) for row in small.rows[day]["trading_executions"]]
    later = {row["execution_id"] for row in small.rows[taken_on]["trading_executions"]}
    corrected = draw.sample([row for row in rows if row["execution_id"] not in later and row["revision"] == "0"], 5)
    for row in corrected:
        row["commission"] = "3.00"
    again(small, "trading_executions", day, rows, 3, taken_on, "corrected.csv")
    never = draw.choice(small.rows[day]["trading_orders"])
    again(small, "trading_orders", day, [row for row in orders if row != never], 3, taken_on, "corrected.csv")
    return corrected
