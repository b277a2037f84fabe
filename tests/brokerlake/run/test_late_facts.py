"""Late rows: what the night files of them, and what a release still has to restate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

import pytest

from brokerlake.lake import Lake, open_lake
from brokerlake.lease import hold
from brokerlake.plan.dates import RunDates
from brokerlake.plan.state import Done
from brokerlake.reader import open_release
from brokerlake.release.releases import Release, find_release, publish_release
from brokerlake.release.restatements import late_rows, pending
from brokerlake.run.context import Run, open_run
from brokerlake.run.late_facts import file_late_rows
from brokerlake.run.meter import Spent
from brokerlake.settings import load_settings
from brokerlake.tables import delta_files, ops
from brokerlake.tables.digests import Measured
from tests.rows import arrow_rows

FRIDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (date(2024, 3, day) for day in (1, 4, 5, 6, 7))
TABLE, GOLD = "silver.executions", "gold.rfm"


@pytest.fixture
def lake(tmp_path) -> Lake:
    return open_lake(load_settings(home=tmp_path, profile="local"))


@contextmanager
def open_nights(lake: Lake, *nights: date) -> Iterator[Run]:
    """A run of these nights, with the lease, on a lake that begins on Friday."""
    run_id, dates = f"nightly:{nights[-1]}", RunDates(nights, nights, nights, nights[-1])
    with hold(lake.settings, run_id) as lease:
        run = open_run(lake, "nightly", run_id, dates, lambda _: None, lease)
        for night in (FRIDAY, MONDAY, TUESDAY, WEDNESDAY):
            run.state.record(TABLE, {night: Done(0, "", "", 1, "{}")}, 0)
        yield run


def fill(number: int, traded: date, came: date, amount: int, **more) -> dict:
    return {"execution_id": f"x{number}", "amount": amount, "commission": 1, "trade_date": traded,
            "_business_date": traded, "_delivered_on": came, **more}  # fmt: skip


def file_rows(lake: Lake, rows: list[dict], *nights: date) -> list[dict]:
    path = lake.settings.table_path(TABLE)
    delta_files.prepare(path, lake.contract(TABLE), delta_files.head(path))
    version = delta_files.append(path, arrow_rows(TABLE, rows), {})
    with open_nights(lake, *nights) as run:
        file_late_rows(run, lake.catalogue[TABLE], version, list(nights))
    return ops.read_ops(lake.settings, "pending_restatements").to_pylist()


def told(rows: list[dict], measure: str = "amount") -> list[tuple]:
    return [
        (r["night"], r["effective_date"], r["first_as_of_date"], r["last_as_of_date"], r["row_count"], r["amount"])
        for r in rows
        if r["measure"] == measure
    ]


def test_late_rows__of_a_file_two_days_late__dates_rows_and_sums(lake):
    on_time = [fill(1, MONDAY, MONDAY, 5), fill(2, WEDNESDAY, WEDNESDAY, 7)]
    filed = file_rows(lake, [*on_time, fill(3, MONDAY, WEDNESDAY, 10), fill(4, MONDAY, WEDNESDAY, 20)], WEDNESDAY)
    assert told(filed) == [(WEDNESDAY, MONDAY, MONDAY, TUESDAY, 2, Decimal(30))]
    assert told(filed, "commission") == [(WEDNESDAY, MONDAY, MONDAY, TUESDAY, 2, Decimal(2))]
    assert {(row["feed"], row["table_name"]) for row in filed} == {("trading_executions", TABLE)}


def test_late_rows__correction_and_withdrawal__the_change_of_the_sum(lake):
    rows = [fill(1, MONDAY, MONDAY, 5), fill(2, MONDAY, MONDAY, 7), fill(1, MONDAY, TUESDAY, 3, _sequence=2)]
    rows.append(fill(2, MONDAY, TUESDAY, 7, _sequence=2, _withdrawn=True))
    assert told(file_rows(lake, rows, TUESDAY)) == [(TUESDAY, MONDAY, MONDAY, MONDAY, 2, Decimal(-9))]


def test_late_rows__older_version_after_a_newer_one__changes_nothing_and_is_counted(lake):
    rows = [fill(1, MONDAY, MONDAY, 5, _sequence=2), fill(1, MONDAY, TUESDAY, 50, _sequence=1)]
    (row,) = file_rows(lake, rows, TUESDAY)
    assert (row["row_count"], row["measure"], row["amount"]) == (1, None, None)


def test_late_rows__saturday_for_monday__is_on_time(lake):
    assert file_rows(lake, [fill(1, date(2024, 3, 2), MONDAY, 5)], MONDAY) == []


def test_late_rows__fund_trade_confirmed_on_the_night__is_on_time(lake):
    rows = [fill(1, MONDAY, TUESDAY, 5, confirm_date=TUESDAY), fill(2, MONDAY, TUESDAY, 5, confirm_date=MONDAY)]
    assert [row[4] for row in told(file_rows(lake, rows, TUESDAY))] == [1]


def test_late_rows__before_the_lakes_first_night__change_only_dates_it_has(lake):
    filed = file_rows(
        lake, [fill(1, date(2024, 2, 1), FRIDAY, 5), fill(2, date(2024, 2, 1), MONDAY, 5)], FRIDAY, MONDAY
    )
    assert [row[:4] for row in told(filed)] == [(MONDAY, date(2024, 2, 1), FRIDAY, FRIDAY)]


def test_late_rows__night_made_again_without_them__are_gone(lake):
    assert file_rows(lake, [fill(1, MONDAY, WEDNESDAY, 10)], WEDNESDAY)
    path = lake.settings.table_path(TABLE)
    version = delta_files.replace(path, arrow_rows(TABLE, []), f"_delivered_on = '{WEDNESDAY}'", {})
    with open_nights(lake, WEDNESDAY) as run:
        file_late_rows(run, lake.catalogue[TABLE], version, [WEDNESDAY])
    assert ops.read_ops(lake.settings, "pending_restatements").num_rows == 0


def publish(lake: Lake, night: date, known: dict[date, date]) -> Release:
    """A release whose gold of these dates was made with what is known by these nights."""
    with open_nights(lake, night) as run:
        for day, through in known.items():
            run.state.know([day], through)
            run.record_passed(lake.catalogue[GOLD], 0, {day: Measured(0, "0:0", {}, 0, {})}, Spent())
    version = delta_files.head(ops.ops_path(lake.settings, "ledger"))
    return publish_release(
        lake.settings, run_id=f"nightly:{night}", kind="nightly", night=night, first_date=night,
        vector={"ops.ledger": int(version or 0)}, public=(), stale_feeds={},
    )  # fmt: skip


def test_pending__until_restated_and_again_in_an_older_release__counts_the_dates(lake):
    file_rows(lake, [fill(1, MONDAY, WEDNESDAY, 10), fill(2, TUESDAY, WEDNESDAY, 10)], WEDNESDAY)
    before = publish(lake, TUESDAY, {MONDAY: MONDAY, TUESDAY: TUESDAY})
    assert pending(lake.settings, before).sentence == "nothing to restate"
    night = publish(lake, WEDNESDAY, {WEDNESDAY: WEDNESDAY})
    assert pending(lake.settings, night).dates == (MONDAY, TUESDAY)
    assert pending(lake.settings, night).sentence == (
        "2 as-of dates would change by 2 late rows: brokerlake restate --from 2024-03-04 --to 2024-03-05"
    )
    half = publish(lake, WEDNESDAY, {MONDAY: WEDNESDAY})
    assert pending(lake.settings, half).dates == (TUESDAY,)
    whole = publish(lake, WEDNESDAY, {TUESDAY: WEDNESDAY})
    assert pending(lake.settings, whole).dates == ()
    assert late_rows(lake.settings, whole)["pending_dates"].to_pylist() == [0, 0, 0, 0]
    assert pending(lake.settings, find_release(lake.settings, number=night.number)).dates == (MONDAY, TUESDAY)


def test_reader__pending_restatements__can_be_asked_in_sql(lake):
    file_rows(lake, [fill(1, MONDAY, WEDNESDAY, 10)], WEDNESDAY)
    publish(lake, WEDNESDAY, {MONDAY: MONDAY, TUESDAY: TUESDAY, WEDNESDAY: WEDNESDAY})
    query = "SELECT amount, pending_dates FROM brokerlake.pending_restatements WHERE measure = 'amount'"
    assert open_release(lake.settings).duckdb().execute(query).fetchall() == [(Decimal(10), 2)]
