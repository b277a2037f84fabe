"""Manifests are read strictly, or refused in one line."""

from __future__ import annotations

import json
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from brokerlake.errors import LandingError
from brokerlake.landing import find_deliveries, verify
from brokerlake.settings import Settings, load_settings
from tests.brokerlake.landing.hand_over import hand_over

MONDAY, TUESDAY = date(2024, 3, 4), date(2024, 3, 5)
FLOWS = "trading_cash_flows"
FEEDS = {FLOWS: {"required": True}, "trading_orders": {}}
ROW = {"flow_id": "f1", "account_id": "608800000001", "amount": "1.50"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path, profile="local")


def change(folder: Path, **fields) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_find_deliveries__complete_ones__in_order_and_typed(settings):
    hand_over(settings.landing, FLOWS, TUESDAY, [ROW], sequence=10)
    hand_over(settings.landing, FLOWS, TUESDAY, [ROW], sequence=2, kind="replay")
    hand_over(settings.landing, FLOWS, MONDAY, [ROW], delivered_on=TUESDAY)
    (settings.landing / FLOWS / "2024-03-06" / "seq=1").mkdir(parents=True)  # still being written
    (settings.landing / "other_feed" / "nothing").mkdir(parents=True)
    found = find_deliveries(settings, FEEDS)
    assert [d.identity for d in found] == [(FLOWS, MONDAY, 1), (FLOWS, TUESDAY, 2), (FLOWS, TUESDAY, 10)]
    first = found[0]
    assert (first.delivered_on, first.rows, first.kind) == (TUESDAY, 1, "facts")
    assert first.control_sums == {"amount": Decimal("1.50")}
    assert len(first.content_hash) == 64


def test_find_deliveries__taken_before__is_not_opened(settings):
    folder = hand_over(settings.landing, FLOWS, MONDAY, [ROW])
    (folder / "manifest.json").write_text("no JSON any more")
    assert find_deliveries(settings, FEEDS, skip=[(FLOWS, MONDAY, 1)]) == []
    with pytest.raises(LandingError, match="manifest_malformed"):
        find_deliveries(settings, FEEDS)


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"rows": "1"}, "manifest_malformed: rows: Input should be a valid integer"),
        ({"extra": 1}, "manifest_malformed: extra: Extra inputs are not permitted"),
        ({"kind": "delta"}, "manifest_malformed: kind: "),
        ({"rows": -1}, "manifest_malformed: rows: "),
        ({"control_sums": {"amount": "1e3"}}, "manifest_malformed: control_sums.amount: "),
        ({"id_hash_total": "-3"}, "manifest_malformed: id_hash_total: "),
        ({"business_date": "2024-03-05"}, f"manifest_not_of_its_folder: says {FLOWS} 2024-03-05 sequence 1"),
        ({"feed": "trading_orders"}, "manifest_not_of_its_folder: says trading_orders 2024-03-04 sequence 1"),
        ({"sequence": 2}, f"manifest_not_of_its_folder: says {FLOWS} 2024-03-04 sequence 2"),
        ({"schema_version": 2}, "schema_version: 2, known is 1"),
        ({"delivered_on": "2024-03-03"}, "delivered_before_its_date: "),
        ({"rows": 7}, "row_count: the files' rows add up to 1, the manifest says 7"),
        ({"files": [{"name": "../../etc/passwd", "bytes": 1, "sha256": "0" * 64, "rows": 1}]}, "manifest_malformed: "),
        ({"files": [{"name": "a.txt", "bytes": 1, "sha256": "0" * 64, "rows": 0}] * 2, "rows": 0}, "file_listed_twice"),
    ],
)
def test_find_deliveries__manifest_is_wrong__one_line_with_feed_file_and_rule(settings, fields, cause):
    change(hand_over(settings.landing, FLOWS, MONDAY, [ROW]), **fields)
    with pytest.raises(LandingError) as caught:
        find_deliveries(settings, FEEDS)
    assert str(caught.value).startswith(f"feed {FLOWS}: {FLOWS}/2024-03-04/seq=1/manifest.json: {cause}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["2024-3-4", "2024-02-30", "backup"])
def test_find_deliveries__folder_is_no_date__refused(settings, name):
    (settings.landing / FLOWS / name).mkdir(parents=True)
    with pytest.raises(LandingError, match="folder_name"):
        find_deliveries(settings, FEEDS)


def test_verify__true_delivery__passes(settings):
    hand_over(settings.landing, FLOWS, MONDAY, [ROW])
    verify(find_deliveries(settings, FEEDS)[0], settings)


@pytest.mark.parametrize(
    ("harm", "cause"),
    [
        (lambda f: f.write_bytes(f.read_bytes()[:-1]), r"cash_flows.txt: bytes: expected \d+, found \d+"),
        (lambda f: f.write_bytes(f.read_bytes()[:-2] + b"x\n"), r"cash_flows.txt: sha256: expected \w{12}…, found"),
        (lambda f: f.unlink(), "cash_flows.txt: file_missing"),
        (lambda f: (f.parent / "more.txt").write_text("x"), "seq=1: file_not_listed"),
        (lambda f: (f.rename(f.parents[1] / "moved"), f.symlink_to(f.parents[1] / "moved")), "not_a_plain_file"),
    ],
)
def test_verify__files_differ_from_the_manifest__named_in_one_line(settings, harm, cause):
    folder = hand_over(settings.landing, FLOWS, MONDAY, [ROW])
    delivery = find_deliveries(settings, FEEDS)[0]
    harm(folder / f"{FLOWS}.txt")
    with pytest.raises(LandingError, match=cause):
        verify(delivery)


def test_verify__folder_leads_out_of_landing__refused(settings, tmp_path):
    folder = hand_over(settings.landing, FLOWS, MONDAY, [ROW])
    outside = tmp_path / "outside"
    shutil.move(folder.parent, outside)
    folder.parent.symlink_to(outside)
    with pytest.raises(LandingError, match="outside_landing"):
        verify(find_deliveries(settings, FEEDS)[0], settings)
