"""Rejected rows to a file and back: as they stood, for their owner alone, with a true manifest for the next night."""

from __future__ import annotations

import json
import stat
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from brokerlake.cli import main
from brokerlake.errors import LandingError, PlanError
from brokerlake.ingest import ingest_feed
from brokerlake.ingest.replay import hand_over_repaired, rejected_rows, write_rejected
from brokerlake.lake import Lake, open_lake
from brokerlake.landing import read_delivery
from brokerlake.release.releases import publish_release
from brokerlake.settings import load_settings
from brokerlake.tables import ops
from tests.brokerlake.ingest.test_ingest_feed import FLOWS, flow
from tests.brokerlake.landing.hand_over import delimited_bytes, hand_over, json_bytes

MONDAY, TUESDAY, WEDNESDAY = date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 6)
EVENTS = "web_events"


@pytest.fixture
def lake(tmp_path) -> Lake:
    """A lake with Tuesday published."""
    opened = open_lake(load_settings(home=tmp_path, profile="local"))
    publish_release(
        opened.settings, run_id="nightly:x", kind="nightly", night=TUESDAY, first_date=MONDAY,
        vector={}, public=(), stale_feeds={},
    )  # fmt: skip
    return opened


def file_rejected(lake: Lake, feed: str, file: str, lines: dict[int, date], night: date = TUESDAY) -> None:
    """Rows of ops.rejected as a silver table files them."""
    rows = [
        {"night": night, "feed": feed, "file": file, "line": line, "rule": "amount_not_a_number", "verdict": "rejected",
         "business_date": day} for line, day in lines.items()
    ]  # fmt: skip
    duplicate = {**rows[0], "line": 99, "verdict": "duplicate"}
    ops.append_ops(lake.settings, "rejected", ops.as_table("rejected", [*rows, duplicate]), {})


def test_replay__delimited_rows_repaired__manifest_agrees_with_what_ingest_counts(lake):
    data = delimited_bytes(FLOWS, [flow(1), flow(2, "1,0"), flow(3, "zwei")]) + "f4|只有两列\n".encode("gb18030")
    hand_over(lake.settings.landing, FLOWS, TUESDAY, [flow(1)], {"f.csv": data})
    file_rejected(lake, FLOWS, f"{FLOWS}/{TUESDAY}/seq=1/f.csv", {5: TUESDAY, 3: TUESDAY, 4: TUESDAY})
    target = lake.settings.landing / "repair" / "flows.csv"
    write_rejected(lake.settings, FLOWS, rejected_rows(lake, FLOWS, TUESDAY), target)
    lines = target.read_bytes().splitlines()
    assert lines == [line for at, line in enumerate(data.splitlines()) if at != 1]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    target.write_bytes(delimited_bytes(FLOWS, [flow(2, "1.0"), flow(3, "2"), flow(4, "3.25")]))
    delivery = hand_over_repaired(lake, FLOWS, TUESDAY, target)
    assert (delivery.kind, delivery.sequence, delivery.delivered_on) == ("replay", 2, WEDNESDAY)
    assert delivery.control_sums == {"amount": Decimal("6.25")}
    done = ingest_feed(
        lake.settings, FLOWS, {WEDNESDAY: [delivery]}, [WEDNESDAY], base_version=None, user_metadata={"run_id": "r"}
    )
    assert (done.counts[WEDNESDAY].kept, done.counts[WEDNESDAY].rejected, done.counts[WEDNESDAY].withdrawn) == (3, 0, 0)


def test_replay__compressed_json_lines__are_written_plain_and_handed_over_compressed(lake):
    rows = [{"event_id": str(n), "device_id": "d", "event_name": "x", "occurred_at": "y"} for n in range(3)]
    data = json_bytes(EVENTS, rows)
    hand_over(lake.settings.landing, EVENTS, TUESDAY, rows, {"e.jsonl.gz": data})
    file_rejected(lake, EVENTS, f"{EVENTS}/{TUESDAY}/seq=1/e.jsonl.gz", {2: TUESDAY})
    target = lake.settings.landing / "events.jsonl"
    write_rejected(lake.settings, EVENTS, rejected_rows(lake, EVENTS, TUESDAY), target)
    assert [json.loads(line)["event_id"] for line in target.read_text().splitlines()] == ["1"]
    delivery = hand_over_repaired(lake, EVENTS, TUESDAY, target)
    assert [file.name for file in delivery.files] == ["replay.jsonl.gz"]
    assert (delivery.folder / "replay.jsonl.gz").read_bytes().startswith(b"\x1f\x8b")
    assert delivery.rows == 1


def test_write_rejected__parquet__keeps_the_types_of_the_file(lake):
    folder = hand_over(lake.settings.landing, FLOWS, TUESDAY, [flow(1)])
    table = pa.table({"account_id": ["a", "b", "c"], "cash": pa.array([1, 2, 3], pa.decimal128(18, 2))})
    pq.write_table(table, folder / "b.parquet")
    name = str((folder / "b.parquet").relative_to(lake.settings.landing))
    file_rejected(lake, "trading_balances", name, {1: TUESDAY, 3: TUESDAY})
    target = lake.settings.landing / "balances.parquet"
    write_rejected(lake.settings, "trading_balances", rejected_rows(lake, "trading_balances", TUESDAY), target)
    assert pq.read_table(target).equals(table.take([0, 2]))


def test_rejected_rows__of_two_business_dates__asks_which(lake):
    file_rejected(lake, FLOWS, "f", {2: TUESDAY, 3: MONDAY})
    with pytest.raises(PlanError, match=f"rejected rows of {MONDAY}, {TUESDAY}: say --business-date"):
        rejected_rows(lake, FLOWS, TUESDAY)
    assert [row.line for row in rejected_rows(lake, FLOWS, TUESDAY, MONDAY)] == [3]


def test_rejected_rows__nothing_to_repair_or_night_not_published__one_line(lake):
    with pytest.raises(PlanError, match=f"night {TUESDAY} has no rejected row"):
        rejected_rows(lake, FLOWS, TUESDAY)
    with pytest.raises(PlanError, match="is not published; hand over the whole delivery again with a higher sequence"):
        rejected_rows(lake, FLOWS, WEDNESDAY)


def test_write_rejected__outside_landing_or_over_a_file__refused(lake, tmp_path):
    hand_over(lake.settings.landing, FLOWS, TUESDAY, [flow(1)], {"f.csv": delimited_bytes(FLOWS, [flow(1)])})
    file_rejected(lake, FLOWS, f"{FLOWS}/{TUESDAY}/seq=1/f.csv", {2: TUESDAY})
    rows = rejected_rows(lake, FLOWS, TUESDAY)
    with pytest.raises(LandingError, match="outside_landing"):
        write_rejected(lake.settings, FLOWS, rows, lake.settings.landing / ".." / "flows.csv")
    assert not (tmp_path / "flows.csv").exists()
    taken = lake.settings.landing / "flows.csv"
    taken.write_text("half repaired")
    with pytest.raises(LandingError, match="not overwritten"):
        write_rejected(lake.settings, FLOWS, rows, taken)
    assert taken.read_text() == "half repaired"


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (delimited_bytes(FLOWS, [flow(1)]) + b"f2|two\n", "line 3: wrong_number_of_values"),
        (delimited_bytes(FLOWS, []), "no_rows"),
        (b"flow_id|nothing_else\n", "columns_differ"),
    ],
)
def test_hand_over_repaired__still_malformed__says_where_and_leaves_no_delivery(lake, data, cause):
    hand_over(lake.settings.landing, FLOWS, TUESDAY, [flow(1)])
    path = lake.settings.landing / "flows.csv"
    path.write_bytes(data)
    with pytest.raises(LandingError, match=cause):
        hand_over_repaired(lake, FLOWS, TUESDAY, path)
    assert [folder.name for folder in (lake.settings.landing / FLOWS / str(TUESDAY)).iterdir()] == ["seq=1"]


def test_replay_command__write_repair_from__tells_places_and_no_content(lake, capsys):
    data = delimited_bytes(FLOWS, [flow(1, "zwei")])
    hand_over(lake.settings.landing, FLOWS, TUESDAY, [flow(1)], {"f.csv": data})
    file_rejected(lake, FLOWS, f"{FLOWS}/{TUESDAY}/seq=1/f.csv", {2: TUESDAY})
    target = lake.settings.landing / "repair.csv"
    call = ["--home", str(lake.settings.home), "replay", "--feed", FLOWS, "--night", str(TUESDAY)]
    assert main([*call, "--write", str(target)]) == 0
    told = capsys.readouterr().out
    assert f"{FLOWS}/{TUESDAY}/seq=1/f.csv line 2: amount_not_a_number" in told
    assert "zwei" not in told
    target.write_bytes(delimited_bytes(FLOWS, [flow(1, "2")]))
    assert main([*call, "--from", str(target)]) == 0
    assert f"1 of 1 rejected rows, for night {WEDNESDAY}" in capsys.readouterr().out
    assert read_delivery(lake.settings.landing / FLOWS / str(TUESDAY) / "seq=2").kind == "replay"
    assert main(call) == 2
