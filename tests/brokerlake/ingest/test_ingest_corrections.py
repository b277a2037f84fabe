"""Deliveries of a higher sequence: what they replace, withdraw and leave alone."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brokerlake.settings import Settings
from tests.brokerlake.ingest.cash_flows import FLOWS, MONDAY, TUESDAY, WEDNESDAY, bronze, flow, ingest
from tests.brokerlake.landing.hand_over import hand_over


def test_ingest_feed__higher_sequence_the_same_night__lower_one_counted_apart(settings):
    hand_over(settings.landing, FLOWS, MONDAY, [flow(1), flow(2)])
    hand_over(settings.landing, FLOWS, MONDAY, [flow(1, "11")], sequence=2)
    done = ingest(settings)
    assert [(r["flow_id"], r["_sequence"]) for r in bronze(settings)] == [("f1", 2)]
    counts = done.counts[MONDAY]
    assert (counts.landed, counts.superseded_rows, counts.withdrawn) == (1, 2, 0)


def correct_on_tuesday(settings: Settings, rows: list[dict[str, str]], kind: str = "facts") -> None:
    hand_over(settings.landing, FLOWS, MONDAY, [flow(1), flow(2), flow(3)])
    hand_over(settings.landing, FLOWS, MONDAY, rows, sequence=2, delivered_on=TUESDAY, kind=kind)


@pytest.mark.parametrize("in_one_go", [True, False])
def test_ingest_feed__correction_after_its_night__missing_keys_are_withdrawn(settings, in_one_go):
    correct_on_tuesday(settings, [flow(1), flow(3, "99")])
    base = None if in_one_go else ingest(settings, MONDAY).version
    done = ingest(settings, *([] if in_one_go else [TUESDAY]), base_version=base)
    rows = [r for r in bronze(settings) if r["_delivered_on"] == TUESDAY]
    assert sorted((r["flow_id"], r["amount"], r["_sequence"], r["_withdrawn"]) for r in rows) == [
        ("f1", "10.25", 2, False),
        ("f2", "10.25", 2, True),
        ("f3", "99", 2, False),
    ]
    gone = next(r for r in rows if r["_withdrawn"])
    old = next(r for r in bronze(settings) if r["flow_id"] == "f2" and r["_sequence"] == 1)
    assert gone["_row_hash"] == old["_row_hash"] and gone["account_id"] == old["account_id"]
    assert gone["_file"] == f"{FLOWS}/2024-03-04/seq=2/manifest.json"
    counts = done.counts[TUESDAY]
    assert (counts.landed, counts.kept, counts.withdrawn) == (2, 2, 1)
    assert counts.sums["amount"] == (Decimal("109.25"), Decimal("109.25"))
    assert counts.withdrawn_sums == {"amount": Decimal("10.25")}


def test_ingest_feed__key_withdrawn_before__is_not_withdrawn_again(settings):
    correct_on_tuesday(settings, [flow(1)])
    hand_over(settings.landing, FLOWS, MONDAY, [flow(1), flow(3)], sequence=3, delivered_on=WEDNESDAY)
    done = ingest(settings)
    assert (done.counts[TUESDAY].withdrawn, done.counts[WEDNESDAY].withdrawn) == (2, 0)


def test_ingest_feed__replay__adds_rows_and_withdraws_none(settings):
    correct_on_tuesday(settings, [flow(4)], kind="replay")
    done = ingest(settings)
    assert done.counts[TUESDAY].withdrawn == 0
    assert [r["flow_id"] for r in bronze(settings)] == ["f1", "f2", "f3", "f4"]
