"""From landing to bronze: one commit, tokens, counts to the row, refusals that leave no version."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from brokerlake.catalog import contract_of
from brokerlake.errors import LandingError, RejectLimitError
from brokerlake.ingest import Ingested, ingest_feed
from brokerlake.ingest import feed as feed_module
from brokerlake.lake import load_feeds
from brokerlake.landing import Delivery, find_deliveries, read_delivery
from brokerlake.settings import Settings, load_settings
from brokerlake.tables.delta_files import arrow_schema
from tests.brokerlake.landing.hand_over import delimited_bytes, hand_over, json_bytes

MONDAY, TUESDAY, WEDNESDAY = date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 6)
FLOWS = "trading_cash_flows"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path, profile="local")


def flow(number: int, amount: str = "10.25", **more: str) -> dict[str, str]:
    return {"flow_id": f"f{number}", "account_id": f"60880000{number:04d}", "kind": "bank_in", "amount": amount,
            "currency": "CNY", "occurred_at": "2024-03-04 10:00:00", **more}  # fmt: skip


def take(settings: Settings, feed: str = FLOWS) -> dict[date, list[Delivery]]:
    found: dict[date, list[Delivery]] = {}
    for delivery in find_deliveries(settings, {feed: load_feeds(settings)[feed]}):
        found.setdefault(delivery.delivered_on, []).append(delivery)
    return found


def ingest(settings: Settings, *dates: date, feed: str = FLOWS, base_version: int | None = None) -> Ingested:
    taken = take(settings, feed)
    return ingest_feed(
        settings, feed, taken, dates or sorted(taken), base_version=base_version, user_metadata={"run_id": "r1"}
    )


def bronze(settings: Settings, feed: str = FLOWS, version: int | None = None) -> list[dict]:
    rows = DeltaTable(settings.table_path(f"bronze.{feed}"), version=version).to_pyarrow_table().to_pylist()
    return sorted(rows, key=lambda row: (row["_delivered_on"], row["_file"], row["_line"]))


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


def test_ingest_feed__identities__are_tokens_and_the_vault_knows_them(settings):
    person = {
        "change_seq": "1", "op": "I", "customer_no": "C1", "name": "王䶮伟", "id_number": "990101199001011234",
        "phone": "12512345678", "email": "wang1001@example.com", "wecom_id": "wm00112233", "gender": "",
    }  # fmt: skip
    broken = "2,U,C2,person,李小龙,id,990101199001015678,12598765432\n".encode("gb18030")
    people = [person, *({**person, "change_seq": str(n), "name": f"张{n}"} for n in range(2, 200))]
    content = delimited_bytes("crm_customers", people, ",") + broken
    hand_over(
        settings.landing, "crm_customers", MONDAY, people, {"c.csv": content}, kind="changes", file_rows={"c.csv": 200},
        row_count=200,
    )  # fmt: skip
    done = ingest(settings, feed="crm_customers")
    row = next(r for r in bronze(settings, "crm_customers") if r["change_seq"] == "1")
    assert row["phone"].startswith("k1_") and len(row["phone"]) == 35
    assert (row["customer_no"], row["gender"]) == ("C1", None)
    assert (row["name_masked"], row["phone_masked"]) == ("王**", "125****5678")
    assert (row["id_number_masked"], row["email_masked"]) == ("**************1234", "w***@example.com")
    vault = DeltaTable(settings.vault / "identities").to_pyarrow_table().to_pylist()
    known = {(entry["kind"], entry["value"]): entry for entry in vault}
    assert known["phone", "12512345678"]["token"] == row["phone"]
    assert known["phone", "12512345678"]["first_seen"] == MONDAY
    assert known["name", "王䶮伟"]["key_version"] == "k1"
    assert done.rejected.to_pylist()[0]["excerpt"] == "2,U,C2,person,*,id,[number],[number]"
    assert len(vault) == len({entry["token"] for entry in vault}) == 199 + 4


def clear_values_on_disk(folder: Path, values: list[str]) -> list[str]:
    """Clear values found in any Parquet or log file below the folder, decoded the way a reader sees them."""
    found = []
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            text = "\n".join(str(row) for row in pq.read_table(path, partitioning=None).to_pylist())
        elif path.is_file():
            text = path.read_bytes().decode("utf-8", "replace")
        else:
            continue
        found += [value for value in values if value in text]
    return found


def test_ingest_feed__free_text_and_devices__no_clear_value_outside_the_vault(settings):
    contacts = [
        {"contact_id": f"c{n}", "phone": "12512345678", "kind": "call", "satisfaction": n,
         "text": "客户电话 125 1234 5678, 账号608812345678, mail li9@example.org, 身份证99010119900101123X"}
        for n in range(3)
    ]  # fmt: skip
    events = [
        {"event_id": "e1", "distinct_id": "dev0123456789abcdef", "ip": "198.18.0.7",
         "properties": {"keyword": "12512345678", "journey_id": "j12512345678x", "note": "li9@example.org"}}
    ]  # fmt: skip
    hand_over(
        settings.landing, "crm_contacts", MONDAY, contacts, {"c.jsonl": json_bytes("crm_contacts", contacts, False)}
    )
    hand_over(settings.landing, "web_events", MONDAY, events, {"e-00.jsonl.gz": json_bytes("web_events", events)})
    ingest(settings, feed="crm_contacts")
    ingest(settings, feed="web_events")
    clear = [
        "12512345678",
        "125 1234 5678",
        "608812345678",
        "li9@example.org",
        "99010119900101123X",
        "198.18.0.7",
        "dev01",
    ]
    assert clear_values_on_disk(settings.lake, [v for v in clear if v != "12512345678"]) == []
    assert "12512345678" not in bronze(settings, "crm_contacts")[0]["text"]
    properties = json.loads(bronze(settings, "web_events")[0]["properties"])
    assert properties == {"keyword": "[number]", "journey_id": "j12512345678x", "note": "[mail]"}
    assert clear_values_on_disk(settings.vault, ["198.18.0.7"])  # the check itself can find one


def test_ingest_feed__same_value_in_two_feeds__one_token_kept_once(settings):
    hand_over(settings.landing, FLOWS, TUESDAY, [flow(1)])
    hand_over(settings.landing, "trading_security_movements", MONDAY,
              [{"movement_id": "m1", "account_id": flow(1)["account_id"], "value": "0"}])  # fmt: skip
    ingest(settings)
    ingest(settings, feed="trading_security_movements")
    vault = DeltaTable(settings.vault / "identities").to_pyarrow_table().to_pylist()
    assert [entry["value"] for entry in vault] == [flow(1)["account_id"]]
    assert bronze(settings)[0]["account_id"] == bronze(settings, "trading_security_movements")[0]["account_id"]


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
