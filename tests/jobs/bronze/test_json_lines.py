"""JSON lines reader: one strict pass, malformed lines rejected with number and text, dropped keys stop the file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from jobs.bronze import json_lines, lines
from jobs.bronze.batch import Options, SourceColumn, UnreadableFile

PLAIN = Options()
COLUMNS = (SourceColumn("id"), SourceColumn("properties"), SourceColumn("score", "int"))


def read_text(folder: Path, text: str, options: Options = PLAIN):
    path = folder / "data.jsonl"
    path.write_bytes(gzip.compress(text.encode()) if options.compression == "gzip" else text.encode())
    batches = list(json_lines.read(path, COLUMNS, options))
    rows = [row for batch in batches for row in batch.rows.to_pylist()]
    numbers = [line for batch in batches for line in batch.lines.to_pylist()]
    rejects = [(r.line, r.rule, r.text) for batch in batches for r in batch.rejects]
    return rows, numbers, rejects, [notice for batch in batches for notice in batch.notices]


def line(id_: str, **more) -> str:
    return json.dumps({"id": id_, "properties": None, "score": None, **more}, ensure_ascii=False)


def test_read__values_of_every_json_type__are_text(tmp_path):
    text = "\n".join([line("e1", properties={"a": [1, "客"]}, score=5), line("000001", properties="", score=None)])
    rows, numbers, rejects, _ = read_text(tmp_path, text)
    assert rows == [
        {"id": "e1", "properties": '{"a":[1,"客"]}', "score": "5"},
        {"id": "000001", "properties": None, "score": None},
    ]
    assert (numbers, rejects) == ([1, 2], [])


def test_read__malformed_lines__rejected_with_line_rule_and_text(tmp_path):
    bad = ['{"id": "x", "prop', "[1]", "", '{"id":"x","id":"y","properties":null,"score":1}', '{"id":"x"}', line("a\0")]
    text = "\n".join([line("e1"), *bad, line("e2")]) + "\n"
    rows, numbers, rejects, _ = read_text(tmp_path, text)
    assert ([row["id"] for row in rows], numbers) == (["e1", "e2"], [1, 8])
    assert rejects == [
        (2, "not_json", bad[0]),
        (3, "not_an_object", "[1]"),
        (4, "not_json", ""),
        (5, "duplicate_key", bad[3]),
        (6, "key_missing_in_object", '{"id":"x"}'),
        (7, "nul_character", bad[5]),
    ]


def test_read__gzip_in_several_stretches__line_numbers_run_on(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "STRETCH_BYTES", 200)
    text = "\n".join(line(str(n)) if n % 5 else "{broken" for n in range(1, 100))
    rows, numbers, rejects, _ = read_text(tmp_path, text, Options(compression="gzip"))
    assert [int(row["id"]) for row in rows] == numbers
    assert [number for number, _, _ in rejects] == [n for n in range(1, 100) if n % 5 == 0]


def test_read__key_renamed_in_every_line__stops_with_a_column_diff(tmp_path):
    with pytest.raises(UnreadableFile) as caught:
        read_text(tmp_path, '{"id":"1","props":{},"score":1}\n{"id":"2","props":{},"score":1}\n')
    assert caught.value.sentence == "columns differ: missing properties; not expected 'props'"


def test_read__key_added__notice_and_not_read(tmp_path):
    rows, _, _, notices = read_text(tmp_path, line("1", phone="12512345678"))
    assert list(rows[0]) == ["id", "properties", "score"]
    assert notices == ["key phone added, not read"]


def test_read__empty_file__no_rows(tmp_path):
    assert read_text(tmp_path, "") == ([], [], [], [])


def test_read__all_lines_malformed__all_rejected(tmp_path):
    rows, _, rejects, _ = read_text(tmp_path, "x\ny\n")
    assert (rows, len(rejects)) == ([], 2)
