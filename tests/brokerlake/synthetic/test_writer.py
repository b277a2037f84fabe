import hashlib
import json
import re
import zipfile
import zlib
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from brokerlake.catalog.contracts import contract_of
from brokerlake.settings import read_yaml
from brokerlake.synthetic.formats import FEEDS
from brokerlake.synthetic.lines import delimited_lines, json_lines, to_text
from brokerlake.synthetic.spreadsheet import write_spreadsheet
from brokerlake.synthetic.writer import Part, PlantedLine, deliver, plain_decimal, planted_line_numbers
from tests.brokerlake.synthetic.small_broker import START, broker_of_a_month, lines, raw_bytes

PLAIN = re.compile(r"^[+-]?[0-9]+([.][0-9]+)?$")


def _table_of(path, feed):
    """Rows with the right number of columns as dicts of text, and the number of data lines."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        texts = {name: to_text(table[name]).to_pylist() for name in table.column_names}
        return [dict(zip(texts, row, strict=True)) for row in zip(*texts.values(), strict=True)], len(table)
    if path.suffix == ".xlsx":
        rows = list(openpyxl.load_workbook(path, read_only=True).active.iter_rows(values_only=True))
        return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]], len(rows) - 1
    found = [line for line in lines(path, feed) if line]
    if feed.kind == "json_lines":
        good = [json.loads(line) for line in found if line.endswith("}") and line.count("{") == line.count("}")]
        return good, len(found)
    rows = [line.split(feed.delimiter) for line in found]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:] if len(row) == len(rows[0])], len(rows) - 1


@pytest.mark.parametrize("name", list(FEEDS))
def test_deliver__every_manifest__states_what_is_in_the_files(name):
    feed, seen = FEEDS[name], 0
    for path in sorted((broker_of_a_month() / "landing" / name).rglob("manifest.json")):
        manifest, seen = json.loads(path.read_text()), seen + 1
        good, counts = [], []
        for entry in manifest["files"]:
            data = path.parent / entry["name"]
            assert data.stat().st_size == entry["bytes"]
            assert hashlib.sha256(data.read_bytes()).hexdigest() == entry["sha256"]
            rows, count = _table_of(data, feed)
            assert count == entry["rows"]
            good, counts = good + rows, [*counts, count]
        assert sum(counts) == manifest["rows"]
        keys = ("|".join(row[column] or "" for column in feed.key) for row in good)
        assert manifest["id_hash_total"] == str(sum(zlib.crc32(key.encode()) for key in keys))
        for column in feed.control:
            values = [row[column] for row in good if row[column] and PLAIN.match(row[column])]
            assert Decimal(manifest["control_sums"][column]) == sum(map(Decimal, values))
    assert seen >= 20


@pytest.mark.parametrize("name", list(FEEDS))
def test_feeds__columns_key_and_totals__are_those_of_the_bronze_contract(project, name):
    contract, feed = contract_of(project, f"bronze.{name}"), FEEDS[name]
    columns = [c.name for c in contract.columns if not c.name.startswith("_") and not c.get("masked_from")]
    assert tuple(columns) == feed.columns
    assert contract.key == feed.key
    assert contract.control_totals == feed.control


@pytest.mark.parametrize("name", list(FEEDS))
def test_feeds__transport__is_that_of_conf_feeds(project, name):
    said, feed = read_yaml(project / "conf" / "feeds.yaml")["feeds"][name], FEEDS[name]
    assert said["format"] == feed.kind
    if feed.kind != "parquet":
        assert said["encoding"] == feed.encoding.replace("-sig", "")
        assert said.get("bom", False) == feed.encoding.endswith("-sig")
        assert (said.get("compression") == "gzip") == feed.gzip
        assert said.get("delimiter", ",") == feed.delimiter


def test_deliver__customers__are_gb18030_and_no_utf8():
    folder = broker_of_a_month() / "landing" / "crm_customers" / START.isoformat() / "seq=1"
    data = (folder / "crm_customers.csv").read_bytes()
    assert "证券" not in data.decode("gb18030")[:50]
    assert re.search("[\u4e00-\u9fff]{2,}", data.decode("gb18030"))
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")


def test_deliver__products__begin_with_a_byte_order_mark_once():
    folder = broker_of_a_month() / "landing" / "market_products" / START.isoformat() / "seq=1"
    data = (folder / "market_products.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfproduct_id,") and data.count(b"\xef\xbb\xbf") == 1


def test_deliver__gzip__holds_no_time_and_no_name():
    folder = broker_of_a_month() / "landing" / "trading_logins" / START.isoformat() / "seq=1"
    head = (folder / "trading_logins.csv.gz").read_bytes()[:10]
    assert head[3] == 0 and head[4:8] == b"\0\0\0\0"
    assert raw_bytes(folder / "trading_logins.csv.gz").startswith(b"account_id,terminal,")


def test_write_spreadsheet__at_another_time__gives_the_same_bytes(tmp_path, monkeypatch):
    table = pa.table({"a": ["1", None], "b": ["x", "地铁"]})
    write_spreadsheet(tmp_path / "one.xlsx", table)
    monkeypatch.setattr("zipfile.time.time", lambda: 2e9)
    write_spreadsheet(tmp_path / "two.xlsx", table)
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
    assert b"1980-01-01T00:00:00Z" in zipfile.ZipFile(tmp_path / "one.xlsx").read("docProps/core.xml")


def test_delimited_lines__delimiter_quote_and_line_end__are_quoted():
    text = pa.table({"a": ["x,y", 'say "hi"', "plain", None], "b": ["1", "2\n3", "4", "5"]})
    assert delimited_lines(text, ",").to_pylist() == ['"x,y",1', '"say ""hi""","2\n3"', "plain,4", ",5"]


def test_json_lines__null_number_and_object__are_bare():
    text = pa.table({"event_id": ["e1"], "login_id": pa.array([None], pa.string()), "properties": ['{"a":1}']})
    assert json_lines(text).to_pylist() == ['{"event_id":"e1","login_id":null,"properties":{"a":1}}']
    assert json_lines(pa.table({"satisfaction": ["4"]})).to_pylist() == ['{"satisfaction":4}']


def test_to_text__small_numbers__have_no_exponent():
    assert to_text(pa.array([0.00001, 2.5, None])).to_pylist() == ["0.00001", "2.5", None]
    assert to_text(pa.array([Decimal("0E-8")], pa.decimal128(18, 8))).to_pylist() == ["0.00000000"]


def test_plain_decimal__zeros__are_dropped_after_the_point_only():
    assert [plain_decimal(Decimal(t)) for t in ("100.00", "1E+2", "0.50", "-3.10", "0")] == [
        "100",
        "100",
        "0.5",
        "-3.1",
        "0",
    ]


def test_planted_line_numbers__several_lines__match_the_file(tmp_path):
    planted = tuple(
        PlantedLine(after, f"K{n}|1", "missing_column", "rejected", None) for n, after in enumerate([2, 0, 2])
    )
    rows = pa.table({name: pa.array([f"{name}{n}" for n in range(4)]) for name in FEEDS["channel_clicks"].columns})
    part = Part("channel_clicks.csv", rows, planted)
    folder = deliver(tmp_path, "channel_clicks", START, [part], "facts")
    written = lines(folder / part.name, FEEDS["channel_clicks"])
    assert [written[number - 1] for number in planted_line_numbers(part, True)] == ["K0|1", "K1|1", "K2|1"]
    assert len(written) == 8


def test_deliver__again__replaces_the_folder_whole(tmp_path):
    rows = pa.table({name: pa.array(["1"]) for name in FEEDS["channel_clicks"].columns})
    deliver(tmp_path, "channel_clicks", START, [Part("old.csv", rows)], "facts")
    folder = deliver(tmp_path, "channel_clicks", START, [Part("new.csv", rows)], "facts")
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "new.csv"]
