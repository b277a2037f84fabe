"""From landing to bronze: one commit, rows with their place, counts to the row."""

from __future__ import annotations

import json
from decimal import Decimal

from deltalake import DeltaTable

from brokerlake.catalog import contract_of
from brokerlake.ingest import feed as feed_module
from brokerlake.tables.delta_files import arrow_schema
from tests.brokerlake.ingest.cash_flows import FLOWS, MONDAY, TUESDAY, WEDNESDAY, bronze, flow, ingest
from tests.brokerlake.landing.hand_over import delimited_bytes, hand_over


def test_ingest_feed__two_nights__rows_with_place_and_counts(settings):
    hand_over(settings.landing, FLOWS, MONDAY, [flow(1), flow(2, "-3.5")])
    hand_over(settings.landing, FLOWS, TUESDAY, [flow(3, "0.001")])
    done = ingest(settings)
    rows = bronze(settings)
    assert [(r["flow_id"], r["_file"], r["_line"], r["_delivered_on"]) for r in rows] == [
        ("f1", f"{FLOWS}/2024-03-04/seq=1/{FLOWS}.txt", 2, MONDAY),
        ("f2", f"{FLOWS}/2024-03-04/seq=1/{FLOWS}.txt", 3, MONDAY),
        ("f3", f"{FLOWS}/2024-03-05/seq=1/{FLOWS}.txt", 2, TUESDAY),
    ]
    assert {r["_withdrawn"] for r in rows} == {False}
    assert rows[0]["bank"] is None and rows[0]["amount"] == "10.25"
    counts = done.counts[MONDAY]
    assert (counts.files, counts.landed, counts.kept, counts.rejected, counts.withdrawn) == (1, 2, 2, 0, 0)
    assert counts.sums["amount"] == (Decimal("6.75"), Decimal("6.75"))
    assert done.counts[TUESDAY].sums["amount"] == (Decimal("0.001"), Decimal("0.001"))


def test_ingest_feed__table__is_the_contract_and_reader_version_1(settings):
    hand_over(settings.landing, FLOWS, MONDAY, [flow(1)])
    done = ingest(settings)
    table = DeltaTable(settings.table_path(done.table))
    schema = arrow_schema(contract_of(settings.project, done.table))
    assert table.to_pyarrow_table().schema.names == schema.names
    assert table.to_pyarrow_table().schema.types == schema.types
    assert table.protocol().min_reader_version == 1
    assert table.metadata().partition_columns == ["_delivered_on"]
    assert table.version() == done.version
    assert json.loads(table.history(1)[0]["userMetadata"]) == {"run_id": "r1"}


def test_ingest_feed__no_deliveries__makes_the_empty_table(settings):
    done = ingest(settings, MONDAY)
    assert bronze(settings) == []
    assert done.counts[MONDAY].landed == 0 and done.rejected.num_rows == 0


def test_ingest_feed__night_again__same_content_other_nights_untouched(settings):
    hand_over(settings.landing, FLOWS, MONDAY, [flow(1), flow(2)])
    hand_over(settings.landing, FLOWS, TUESDAY, [flow(3)])
    first = ingest(settings)
    before = bronze(settings)
    again = ingest(settings, MONDAY, base_version=first.version)
    assert bronze(settings) == before
    assert again.version == first.version + 1
    assert again.counts == {MONDAY: first.counts[MONDAY]}


def test_ingest_feed__head_is_not_the_base__restored_first(settings):
    hand_over(settings.landing, FLOWS, MONDAY, [flow(1)])
    base = ingest(settings).version
    hand_over(settings.landing, FLOWS, TUESDAY, [flow(9)])
    ingest(settings, TUESDAY, base_version=base)  # a night that never passed
    hand_over(settings.landing, FLOWS, WEDNESDAY, [flow(3)])
    ingest(settings, WEDNESDAY, base_version=base)
    assert [r["flow_id"] for r in bronze(settings)] == ["f1", "f3"]


def test_ingest_feed__no_base_but_a_left_over_table__starts_empty(settings):
    hand_over(settings.landing, FLOWS, MONDAY, [flow(1)])
    hand_over(settings.landing, FLOWS, TUESDAY, [flow(2)])
    ingest(settings, MONDAY)
    ingest(settings, TUESDAY, base_version=None)
    assert [r["flow_id"] for r in bronze(settings)] == ["f2"]


def test_ingest_feed__range_in_one_go__equals_night_by_night(settings, tmp_path):
    for number, day in enumerate([MONDAY, TUESDAY, WEDNESDAY]):
        hand_over(settings.landing, FLOWS, day, [flow(number * 10 + n) for n in range(3)])
    ingest(settings)
    whole, base = bronze(settings), None
    for day in [MONDAY, TUESDAY, WEDNESDAY]:
        base = ingest(settings, day, base_version=base).version
    assert bronze(settings) == whole


def test_ingest_feed__same_content_in_another_place__same_row_hash(settings):
    hand_over(settings.landing, FLOWS, MONDAY, [flow(1)])
    hand_over(
        settings.landing, FLOWS, TUESDAY, [flow(2), flow(1), flow(1, "10.250"), flow(1, bank="x"), flow(1, kind="x")]
    )
    ingest(settings)
    hashes = [r["_row_hash"] for r in bronze(settings)]
    assert hashes[0] == hashes[2]
    assert len(set(hashes)) == 5


def test_ingest_feed__many_files_in_threads__every_row_once(settings, monkeypatch):
    monkeypatch.setattr(feed_module, "GROUP_FILES", 3)
    monkeypatch.setattr(feed_module, "SMALL_BYTES", 0)
    rows = [[flow(part * 100 + n) for n in range(50)] for part in range(20)]
    files = {f"part-{part:02d}.txt": delimited_bytes(FLOWS, some) for part, some in enumerate(rows)}
    everything = [row for some in rows for row in some]
    hand_over(settings.landing, FLOWS, MONDAY, everything, files, file_rows=dict.fromkeys(files, 50))
    assert ingest(settings).counts[MONDAY].kept == 1000
    found = bronze(settings)
    assert sorted(r["flow_id"] for r in found) == sorted(row["flow_id"] for row in everything)
