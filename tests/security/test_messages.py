"""What a failing input says holds nothing of its rows: message, exception chain, log, and what was printed."""

from __future__ import annotations

import gzip
import json
import logging
import traceback
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from brokerlake.catalog import contract_of
from brokerlake.errors import BrokerlakeError
from brokerlake.ingest import feed_source
from brokerlake.settings import Settings, load_settings, read_yaml
from jobs.bronze.batch import SourceColumn
from tests.brokerlake.landing.hand_over import source_columns
from tests.security.offered import json_file, offer, parquet_file, sheet_file, stored, take_in, text_file

NAME, PHONE, LATIN, MAIL = "王䶮伟", "12512349876", "Hunterxyzzy", "eve9@canary.example"
CANARIES = (NAME, PHONE, LATIN, MAIL, "\\u738b\\u4daf\\u4f1f", "Huntery")
KEYED = {"change_seq": LATIN, "customer_no": "C1", "contact_id": LATIN}
ROW = f"{LATIN},{NAME},{PHONE},{MAIL}"
PEOPLE, FLOWS, CONTACTS, EVENTS = "crm_customers", "trading_cash_flows", "crm_contacts", "web_events"
SPEND, POSITIONS = "channel_ad_spend", "trading_positions"


def people(more: str = "", **values: str) -> bytes:
    """A good line that is full of canaries, and whatever comes behind it."""
    filled = {**KEYED, "name": NAME, "phone": PHONE, "email": MAIL, **values}
    filled.pop("contact_id")
    return text_file(PEOPLE, ",", **filled) + more.encode("gb18030")


def head_of_people() -> list[str]:
    return source_columns(PEOPLE)


def contact(*more: dict[str, object]) -> bytes:
    return json_file(CONTACTS, *more, contact_id=LATIN, phone=PHONE, text=ROW)


def event() -> bytes:
    return json_file(EVENTS, distinct_id=PHONE, properties={NAME: MAIL, "note": LATIN})


def deep() -> bytes:
    return contact({"text": json.loads("[" * 600 + f'"{PHONE}"' + "]" * 600)})


def twice() -> bytes:
    return contact().replace(b"{", f'{{"text": "{ROW}", '.encode())


def without(content: bytes, name: str) -> bytes:
    rows = [json.loads(line) for line in content.decode().splitlines()]
    kept = [{key: value for key, value in row.items() if key != name} for row in rows]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept).encode()


def position_columns() -> list[SourceColumn]:
    settings = load_settings(profile="local")
    return [SourceColumn(c.name, str(c.get("source_type", "string"))) for c in feed_source(settings, POSITIONS).columns]


def positions(**values: pa.Array) -> bytes:
    return parquet_file(position_columns(), **{"account_id": pa.array([LATIN]), **values})


def spend(*rows: list[str], head: list[str] | None = None) -> bytes:
    return sheet_file([head or source_columns(SPEND), *rows])


def renamed(content: bytes, old: str, new: str) -> bytes:
    return content.replace(old.encode(), new.encode("gb18030"), 1)


FILES: dict[str, tuple[str, str, Callable[[], bytes], str]] = {
    "line_break_in_value": (PEOPLE, "f.txt", lambda: people(f'"{NAME}\n{PHONE}",{LATIN}\n'), "line_break_in_value"),
    "no_header": (PEOPLE, "f.txt", lambda: f"{ROW}\n{ROW}\n".encode("gb18030"), "columns_differ"),
    "no_header_but_one_name": (PEOPLE, "f.txt", lambda: f"change_seq,{ROW}\n".encode("gb18030"), "columns_differ"),
    "no_header_values_twice": (PEOPLE, "f.txt", lambda: f"{ROW},{ROW}\n".encode("gb18030"), "duplicate_column"),
    "header_and_row_in_one": (PEOPLE, "f.txt", lambda: people().replace(b"\n", b","), "duplicate_column"),
    "column_renamed": (PEOPLE, "f.txt", lambda: renamed(people(), "phone", PHONE), "columns_differ"),
    "column_of_a_secret": (PEOPLE, "f.txt", lambda: renamed(people(), "phone", f"{LATIN}Pwd"), "c3_column"),
    "columns_in_another_order": (PEOPLE, "f.txt", lambda: renamed(people(), "change_seq,op", "op,change_seq"), "order"),
    "another_delimiter": (PEOPLE, "f.txt", lambda: people().replace(b",", b"|"), "columns_differ"),
    "utf_8_instead": (PEOPLE, "f.txt", lambda: people().decode("gb18030").encode(), "encoding"),
    "no_encoding_at_all": (PEOPLE, "f.txt", lambda: people() + b"\xff\xff" + people(), "encoding"),
    "byte_order_mark": (PEOPLE, "f.txt", lambda: b"\xef\xbb\xbf" + people(), "byte_order_mark"),
    "nul": (PEOPLE, "f.txt", lambda: people(f"{NAME}\0{PHONE}\n"), "nul_byte"),
    "long_line": (PEOPLE, "f.txt", lambda: people(ROW * 50_000), "line_too_long"),
    "card_track": (PEOPLE, "f.txt", lambda: people(f"{NAME};4929000000000006=26121010000012300000?\n"), "c3_value"),
    "empty_file": (PEOPLE, "f.txt", lambda: b"", "empty_file"),
    "json_key_missing": (CONTACTS, "c.jsonl", lambda: without(contact(), "phone"), "columns_differ"),
    "json_keys_are_values": (CONTACTS, "c.jsonl", lambda: json.dumps({PHONE: NAME, MAIL: LATIN}).encode(), "differ"),
    "json_key_is_a_secret": (CONTACTS, "c.jsonl", lambda: contact({f"{LATIN}Pwd": NAME}), "c3_column"),
    "gzip_cut": (EVENTS, "e.gz", lambda: gzip.compress(event())[:-9], "compression"),
    "gzip_none": (EVENTS, "e.gz", lambda: event(), "compression"),
    "parquet_damaged": (POSITIONS, "p.parquet", lambda: positions(**{PHONE: pa.array([NAME])})[:-1], "not_parquet"),
    "parquet_another_type": (POSITIONS, "p.parquet", lambda: positions(account_id=pa.array([12512349876])), "types"),
    "parquet_nul": (POSITIONS, "p.parquet", lambda: positions(product_id=pa.array([f"{PHONE}\0"])), "nul_byte"),
    "sheet_renamed": (SPEND, "s.xlsx", lambda: spend([ROW], head=[NAME, PHONE, LATIN]), "columns_differ"),
    "sheet_cut": (SPEND, "s.xlsx", lambda: spend([ROW])[:-30], "not_a_spreadsheet"),
}  # fmt: skip
REJECTED: dict[str, tuple[str, str, Callable[[], bytes], int, list[dict[str, str]]]] = {
    "too_few_values": (PEOPLE, "f.txt", lambda: people(ROW + "\n"), 2, [KEYED]),
    "too_many_values": (PEOPLE, "f.txt", lambda: people(f"{ROW}{',' * 40}{ROW}\n"), 2, [KEYED]),
    "quote_left_open": (PEOPLE, "f.txt", lambda: people(f'"{NAME},{PHONE}\n'), 2, [KEYED]),
    "key_missing": (PEOPLE, "f.txt", lambda: people(change_seq=""), 1, [{**KEYED, "change_seq": ""}]),
    "no_json": (CONTACTS, "c.jsonl", lambda: contact() + f"{{{ROW}\n".encode(), 2, [KEYED]),
    "json_list": (CONTACTS, "c.jsonl", lambda: contact() + json.dumps([ROW]).encode() + b"\n", 2, [KEYED]),
    "json_key_twice": (CONTACTS, "c.jsonl", twice, 1, []),
    "json_nul": (CONTACTS, "c.jsonl", lambda: contact({"text": f"{NAME}\0{PHONE}"}), 1, []),
    "json_deep": (CONTACTS, "c.jsonl", deep, 1, []),
    "sheet_too_wide": (SPEND, "s.xlsx", lambda: spend([LATIN] * 30), 1, []),
}
"""Files whose manifest is true: rows in all, and the keys of those with the right number of values."""
TRUTHS: dict[str, tuple[dict[str, object], str]] = {
    "count_differs": ({"rows": 7}, "row_count"),
    "hash_total_differs": ({"id_hash_total": "12512349876"}, "id_hash_total"),
    "control_column_differs": ({"control_sums": {"amount": "1", LATIN: "2"}}, "control_columns"),
    "kind_differs": ({"kind": f"{NAME}{PHONE}"}, "manifest_malformed: kind"),
    "field_unknown": ({PHONE: NAME}, "manifest_malformed: ?"),
    "feed_differs": ({"feed": PHONE}, "manifest_not_of_its_folder"),
    "date_differs": ({"delivered_on": PHONE}, "manifest_malformed: delivered_on"),
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path, profile="local")


def failure_of(work: Callable[[], object], caplog: pytest.LogCaptureFixture, capfd) -> tuple[str, str]:
    """The message, and everything that can be seen of the failure."""
    with caplog.at_level(logging.DEBUG), pytest.raises(BrokerlakeError) as caught:
        work()
    printed = capfd.readouterr()
    chain = "".join(traceback.format_exception(caught.value))
    return str(caught.value), "\n".join([str(caught.value), chain, caplog.text, printed.out, printed.err])


def assert_silent(message: str, seen: str, cause: str) -> None:
    assert cause in message and "\n" not in message, message
    assert [canary for canary in CANARIES if canary in seen] == []


@pytest.mark.parametrize("case", FILES)
def test_failing_file__full_of_canaries__none_is_shown(settings, caplog, capfd, case):
    feed, name, content, cause = FILES[case]
    data = content()
    offer(settings, feed, name, data, rows=2)
    message, seen = failure_of(lambda: take_in(settings, feed), caplog, capfd)
    assert_silent(message, seen, cause)
    assert message.startswith(f"feed {feed}: ")
    assert not [canary for canary in CANARIES if canary in stored(settings)]


@pytest.mark.parametrize("case", REJECTED)
def test_failing_rows__full_of_canaries__none_is_shown(settings, caplog, capfd, case):
    feed, name, content, rows, keys = REJECTED[case]
    contract = contract_of(settings.project, f"bronze.{feed}")
    sums = dict.fromkeys(contract.control_totals, "0")
    total = sum(zlib.crc32("|".join(key.get(column, "") for column in contract.key).encode()) for key in keys)
    offer(settings, feed, name, content(), rows, control_sums=sums, id_hash_total=str(total))
    message, seen = failure_of(lambda: take_in(settings, feed), caplog, capfd)
    assert_silent(message, seen, f"of {rows} rows malformed")


@pytest.mark.parametrize("case", TRUTHS)
def test_failing_manifest__full_of_canaries__none_is_shown(settings, caplog, capfd, case):
    changed, cause = TRUTHS[case]
    folder = offer(settings, PEOPLE, "f.txt", people(), 1)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **changed}))
    message, seen = failure_of(lambda: take_in(settings, PEOPLE), caplog, capfd)
    assert cause in message and "\n" not in message, message
    allowed = PHONE if case == "hash_total_differs" else ""  # a sum of the manifest, no content of a row
    assert [canary for canary in CANARIES if canary in seen and canary != allowed] == []


def test_failing_folders__named_by_canaries__none_is_shown(settings, caplog, capfd):
    folder = offer(settings, PEOPLE, "f.txt", people())
    (folder / f"{NAME}{PHONE}.txt").write_text(ROW)
    message, seen = failure_of(lambda: take_in(settings, PEOPLE), caplog, capfd)
    assert_silent(message, seen, "file_not_listed")
    (folder.parent.parent / f"{NAME}\n").mkdir()
    message, seen = failure_of(lambda: take_in(settings, PEOPLE), caplog, capfd)
    assert_silent(message, seen, "folder_name")


def test_failing_configuration__with_canaries__none_is_shown(tmp_path, caplog, capfd):
    (tmp_path / "x.yaml").write_text(f"a: '{ROW}\nb: {{{PHONE}")
    message, seen = failure_of(lambda: read_yaml(tmp_path / "x.yaml"), caplog, capfd)
    assert_silent(message, seen, "not valid YAML")


def test_cases__are_thirty_or_more():
    assert len(FILES) + len(REJECTED) + len(TRUTHS) >= 30


def test_notice__column_added_under_a_value__is_not_named(settings):
    names = source_columns(PEOPLE)
    header = ",".join([*names, PHONE]).encode()
    offer(settings, PEOPLE, "f.txt", header + b"\n", 0)
    assert take_in(settings, PEOPLE).notices == (
        "crm_customers/2024-03-04/seq=1/f.txt: column 1 whose names are not shown added at the end, not read",
    )
