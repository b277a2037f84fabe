"""C3 values (JR/T 0171) that a feed offers are refused whole: one line, and not a byte of them behind landing."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from brokerlake.cli import main
from brokerlake.errors import LandingError
from brokerlake.ingest import feed_source
from brokerlake.settings import Settings, load_settings
from jobs.bronze.batch import SourceColumn
from jobs.bronze.c3 import is_c3_name
from tests.conftest import PROJECT
from tests.contract.test_contracts import TABLES, contract_of
from tests.security.offered import DAY, json_file, offer, parquet_file, sheet_file, stored, take_in, text_file

SECRET = "hunter2Correct"
TRACK_1 = "%B4929000000000006^CANARY/EVE^26121010000012300000?"
TRACK_2 = ";4929000000000006=26121010000012300000?"
BARE_TRACK = "4929000000000006=26121010000012300000?"
HOLDS = {SECRET, "4929000000000006", "CANARY/EVE", "26121010000012300000"}
FLOWS, PEOPLE, CONTACTS, EVENTS = "trading_cash_flows", "crm_customers", "crm_contacts", "web_events"
SPEND, POSITIONS = "channel_ad_spend", "trading_positions"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path, profile="local")


def positions(settings: Settings, **values: pa.Array) -> bytes:
    delivered = feed_source(settings, POSITIONS).columns
    return parquet_file([SourceColumn(c.name, str(c.get("source_type", "string"))) for c in delivered], **values)


def spend(settings: Settings, more: list[str], *values: str) -> bytes:
    names = [column.name for column in feed_source(settings, SPEND).columns]
    return sheet_file([[*names, *more], [*["1"] * (len(names) - 1), *values]])


def flows(*more: str, **values: str) -> bytes:
    return text_file(FLOWS, "|", more, **values)


def people(*more: str, **values: str) -> bytes:
    return text_file(PEOPLE, ",", more, **values)


FORM = {"form": [{"fields": {"loginPwd": SECRET}}]}
OFFERS = {
    "column_of_text": (FLOWS, "f.txt", "c3_column", lambda s: flows("login_password", login_password=SECRET)),
    "column_in_front": (PEOPLE, "f.txt", "c3_column", lambda s: f"cvv2,{people().decode()}".encode()),
    "column_of_chinese": (PEOPLE, "f.txt", "c3_column", lambda s: people("交易密码", 交易密码=SECRET)),
    "column_of_parquet": (POSITIONS, "p.parquet", "c3_column", lambda s: positions(s, face_print=pa.array([SECRET]))),
    "column_of_a_sheet": (SPEND, "s.xlsx", "c3_column", lambda s: spend(s, ["cardPin"], "1", SECRET)),
    "key_of_json": (CONTACTS, "c.jsonl", "c3_column", lambda s: json_file(CONTACTS, *[{}] * 30, {"track2": SECRET})),
    "key_deep_in_json": (EVENTS, "e.gz", "c3_column", lambda s: gzip.compress(json_file(EVENTS, properties=FORM))),
    "track_1_in_text": (FLOWS, "f.txt", "c3_value", lambda s: flows(bank=TRACK_1)),
    "track_2_in_the_key": (FLOWS, "f.txt", "c3_value", lambda s: flows(flow_id=TRACK_2)),
    "track_in_a_malformed_line": (FLOWS, "f.txt", "c3_value", lambda s: flows() + f"{BARE_TRACK}\n".encode()),
    "track_in_free_text": (CONTACTS, "c.jsonl", "c3_value", lambda s: json_file(CONTACTS, text=f"刷卡 {TRACK_1}")),
    "track_escaped_in_json": (
        CONTACTS,
        "c.jsonl",
        "c3_value",
        lambda s: json_file(CONTACTS, text=TRACK_2).replace(b"=", b"\\u003d").replace(b";", b"\\u003b"),
    ),
    "track_in_parquet": (POSITIONS, "p.parquet", "c3_value", lambda s: positions(s, product_id=pa.array([TRACK_2]))),
    "track_in_a_sheet": (SPEND, "s.xlsx", "c3_value", lambda s: spend(s, [], TRACK_1)),
}
SECRET_NAMES = (
    "password loginPwd user_PIN pin cvv CVV2 cardCvn track1 Track_2_Data fingerprint finger_print_hash face_template",
    "iris irisScan voicePrint card_expiry_date valid_thru passcode 密码 交易密码 人脸特征 卡有效期",
)
OTHER_NAMES = (
    "password_changed_at is_password_set passwordResetCount 密码修改时间 device_fingerprint 设备指纹 track_id mapping",
    "shipping hi_risk_level expires_on valid_until spinner opinion card_no faces",
)


@pytest.mark.parametrize("case", OFFERS)
def test_ingest__feed_offers_c3__refused_in_one_line_and_no_byte_stored(settings, case):
    feed, name, rule, content = OFFERS[case]
    offer(settings, feed, name, content(settings))
    with pytest.raises(LandingError) as caught:
        take_in(settings, feed)
    line = str(caught.value)
    assert line.startswith(f"feed {feed}: {feed}/{DAY}/seq=1/{name}: {rule}: ") and "\n" not in line
    left = stored(settings)
    assert not [value for value in HOLDS if value in line or value in left]
    assert not (settings.vault / "identities").exists()


def test_stored__value_that_was_taken_in__is_found(settings):
    offer(settings, FLOWS, "f.txt", text_file(FLOWS, "|", bank=SECRET), **{"id_hash_total": "2363233923"})
    take_in(settings, FLOWS)
    assert SECRET in stored(settings)


def test_night__feed_offers_a_password__nothing_published_rejected_or_logged(tmp_path, capsys):
    conf, feed, night = PROJECT / "conf" / "young_firm", "trading_executions", date(1997, 1, 6)
    settings = load_settings(home=tmp_path, profile="local", conf=conf)
    offer(settings, feed, "f.txt", text_file(feed, "|", ["password"], password=SECRET), day=night)
    calls = ["--home", str(tmp_path), "--conf", str(conf), "group"]
    assert main([*calls, "landing", "--date", str(night)]) == 0
    assert main([*calls, "trading_bronze", "--date", str(night)]) == 1
    told = capsys.readouterr()
    assert f"brokerlake: feed {feed}: {feed}/{night}/seq=1/f.txt: c3_column: column" in told.err
    assert SECRET not in told.err + told.out + stored(settings)


@pytest.mark.parametrize("name", " ".join(SECRET_NAMES).split())
def test_is_c3_name__name_of_a_secret__true(name):
    assert is_c3_name(name)


@pytest.mark.parametrize("name", " ".join(OTHER_NAMES).split())
def test_is_c3_name__name_that_only_speaks_of_one__false(name):
    assert not is_c3_name(name)


@pytest.mark.parametrize("table", TABLES)
def test_contract__no_column__is_named_like_c3(table):
    assert [column.name for column in contract_of(PROJECT, table).columns if is_c3_name(column.name)] == []
