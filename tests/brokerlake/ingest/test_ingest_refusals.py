"""What an ingest refuses: malformed rows, manifests that lie, files that drift; nothing is committed then."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brokerlake.errors import LandingError, RejectLimitError
from brokerlake.ingest import feed as feed_module
from brokerlake.landing import read_delivery
from tests.brokerlake.ingest.cash_flows import FLOWS, MONDAY, bronze, flow, ingest
from tests.brokerlake.landing.hand_over import delimited_bytes, hand_over


def test_ingest_feed__malformed_rows_below_the_limit__rejected_with_their_place(settings):
    good = [flow(n) for n in range(1, 300)]
    lines = delimited_bytes(FLOWS, good).decode().splitlines(keepends=True)
    lines.insert(5, "f900|608800000900|bank_in|1.00|CNY\n")
    lines.insert(9, "|608800000901|bank_in|2.50|CNY|2024-03-04 10:00:00|||\n")
    content = "".join(lines).encode("gb18030")
    keyless = {"flow_id": "", "amount": "2.50"}
    hand_over(
        settings.landing, FLOWS, MONDAY, [*good, keyless], {"f.txt": content}, file_rows={"f.txt": 301}, row_count=301
    )
    done = ingest(settings)
    counts = done.counts[MONDAY]
    assert (counts.landed, counts.kept, counts.rejected) == (301, 299, 2)
    assert counts.sums["amount"] == (Decimal("10.25") * 299 + Decimal("2.50"), Decimal("10.25") * 299)
    first, second = done.rejected.to_pylist()
    assert (first["line"], first["rule"], first["excerpt"]) == (
        6,
        "wrong_number_of_values",
        "f900|[number]|bank_in|1.00|CNY",
    )
    assert (second["line"], second["rule"]) == (10, "key_missing")
    assert (second["night"], second["table_name"], second["verdict"]) == (
        MONDAY,
        "bronze.trading_cash_flows",
        "rejected",
    )
    assert "608800000901" not in str(second)
    kept_lines = {row["_line"] for row in bronze(settings)}
    assert kept_lines == set(range(2, 303)) - {6, 10}


def test_ingest_feed__malformed_share_over_the_limit__stops_and_commits_nothing(settings):
    good = [flow(n) for n in range(1, 99)]
    content = delimited_bytes(FLOWS, good) + b"x\ny\n"
    hand_over(settings.landing, FLOWS, MONDAY, good, {"f.txt": content}, file_rows={"f.txt": 100}, row_count=100)
    with pytest.raises(RejectLimitError) as caught:
        ingest(settings)
    assert str(caught.value) == (
        "feed trading_cash_flows: night 2024-03-04: 2 of 100 rows malformed, limit 1.00%; first: "
        "trading_cash_flows/2024-03-04/seq=1/f.txt line 100: wrong_number_of_values: 1 values, 9 columns"
    )
    assert bronze(settings) == []


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"control_sums": {"amount": "20.51"}}, "manifest.json: control_sum_amount: expected 20.51, found 20.5"),
        ({"control_sums": {}}, "manifest.json: control_columns: expected amount, found none"),
        ({"id_hash_total": "7"}, "manifest.json: id_hash_total: expected 7, found "),
        ({"row_count": 3, "file_rows": {f"{FLOWS}.txt": 3}}, f"{FLOWS}.txt: row_count: expected 3, found 2"),
    ],
)
def test_ingest_feed__manifest_lies__stops_in_one_line_and_commits_nothing(settings, changed, cause):
    hand_over(settings.landing, FLOWS, MONDAY, [flow(1), flow(2)], **changed)
    with pytest.raises(LandingError) as caught:
        ingest(settings)
    assert f"feed {FLOWS}: {FLOWS}/2024-03-04/seq=1/{cause}" in str(caught.value)
    assert "\n" not in str(caught.value) and "6088" not in str(caught.value)
    assert bronze(settings) == []


def test_ingest_feed__file_cut_after_the_manifest__stops(settings):
    folder = hand_over(settings.landing, FLOWS, MONDAY, [flow(1), flow(2)])
    path = folder / f"{FLOWS}.txt"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(LandingError, match=r"bytes: expected \d+, found \d+"):
        ingest(settings)


def test_ingest_feed__header_drifts__stops_with_the_column_diff(settings):
    content = delimited_bytes(FLOWS, [flow(1)]).replace(b"amount", b"betrag")
    hand_over(settings.landing, FLOWS, MONDAY, [flow(1)], {"f.txt": content})
    with pytest.raises(LandingError, match="columns_differ: columns differ: missing amount; not expected 'betrag'"):
        ingest(settings)


def test_ingest_feed__added_column__passes_with_a_notice(settings):
    lines = delimited_bytes(FLOWS, [flow(1)]).decode().splitlines()
    content = f"{lines[0]}|new\n{lines[1]}|x\n".encode()
    hand_over(settings.landing, FLOWS, MONDAY, [flow(1)], {"f.txt": content})
    assert ingest(settings).notices == (f"{FLOWS}/2024-03-04/seq=1/f.txt: column new added at the end, not read",)


def test_ingest_feed__fault_in_one_of_many_files__stops_all_threads(settings, monkeypatch):
    monkeypatch.setattr(feed_module, "GROUP_FILES", 1)
    monkeypatch.setattr(feed_module, "SMALL_BYTES", 0)
    rows = [flow(n) for n in range(60)]
    files = {f"part-{n:02d}.txt": delimited_bytes(FLOWS, [row]) for n, row in enumerate(rows)}
    files["part-30.txt"] = b"no header\n"
    hand_over(settings.landing, FLOWS, MONDAY, rows, files, file_rows=dict.fromkeys(files, 1))
    with pytest.raises(LandingError, match="part-30.txt: columns_differ"):
        ingest(settings)
    assert bronze(settings) == []


def test_read_delivery__folder_without_manifest__refused(settings):
    folder = hand_over(settings.landing, FLOWS, MONDAY, [flow(1)])
    assert read_delivery(folder).rows == 1
    (folder / "manifest.json").unlink()
    with pytest.raises(LandingError, match="the delivery has no manifest"):
        read_delivery(folder)
