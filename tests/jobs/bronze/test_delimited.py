"""Delimited reader: strict decoding, header diff, ragged rows by line, refusals in one sentence."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from jobs.bronze import delimited, lines
from jobs.bronze.batch import Options, SourceColumn, UnreadableFile

COLUMNS = (SourceColumn("id"), SourceColumn("name"), SourceColumn("amount", "decimal"))
PLAIN = Options()
PIPE = Options(delimiter="|", encoding="gb18030")


def written(folder: Path, text: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / "data.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def read_all(path: Path, options: Options = PLAIN):
    batches = list(delimited.read(path, COLUMNS, options))
    rows = [row for batch in batches for row in batch.rows.to_pylist()]
    numbers = [line for batch in batches for line in batch.lines.to_pylist()]
    rejects = [reject for batch in batches for reject in batch.rejects]
    return rows, numbers, rejects, [notice for batch in batches for notice in batch.notices]


def fault_of(path: Path, options: Options = PLAIN) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        read_all(path, options)
    return caught.value


def test_read__gb18030_with_rare_characters__text_is_exact(tmp_path):
    path = written(tmp_path, "id|name|amount\n1|王䶮𬭎|1.50\n2||\n", "gb18030")
    rows, numbers, rejects, _ = read_all(path, PIPE)
    assert rows == [{"id": "1", "name": "王䶮𬭎", "amount": "1.50"}, {"id": "2", "name": None, "amount": None}]
    assert (numbers, rejects) == ([2, 3], [])


def test_read__all_values_stay_text__leading_zeros_and_exponents_as_delivered(tmp_path):
    rows, *_ = read_all(written(tmp_path, "id,name,amount\n000001,NA,1e3\n007,null,true\n"))
    assert [tuple(row.values()) for row in rows] == [("000001", "NA", "1e3"), ("007", "null", "true")]


def test_read__quoted_delimiter_and_quote__unquoted_by_rfc_4180(tmp_path):
    rows, *_ = read_all(written(tmp_path, 'id,name,amount\n1,"a,""b""",2\n2,"",3'))
    assert [row["name"] for row in rows] == ['a,"b"', None]


def test_read__ragged_and_blank_lines__rejected_with_their_line(tmp_path):
    text = "id,name,amount\n1,a,1\n2,b\n\n3,c,3\n4,d,4,5\n5,e,5\n"
    rows, numbers, rejects, _ = read_all(written(tmp_path, text))
    assert numbers == [2, 5, 7]
    assert [(r.line, r.rule, r.text) for r in rejects] == [
        (3, "wrong_number_of_values", "2,b"),
        (4, "empty_line", ""),
        (6, "wrong_number_of_values", "4,d,4,5"),
    ]
    assert rejects[0].sentence == "2 values, 3 columns"
    assert [row["id"] for row in rows] == ["1", "3", "5"]


def test_read__only_ragged_lines__no_rows_all_rejected(tmp_path):
    rows, _, rejects, _ = read_all(written(tmp_path, "id,name,amount\n1\n2\n"))
    assert (rows, [r.line for r in rejects]) == ([], [2, 3])


def test_read__several_stretches__line_numbers_run_on(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "STRETCH_BYTES", 64)
    body = "".join(f"{n},客户{n},{n}\n" if n % 7 else f"{n},broken\n" for n in range(2, 300))
    path = written(tmp_path, "id,name,amount\n" + body)
    rows, numbers, rejects, _ = read_all(path)
    assert [int(row["id"]) for row in rows] == numbers
    assert [r.line for r in rejects] == [n for n in range(2, 300) if n % 7 == 0]
    assert len(list(delimited.read(path, COLUMNS, Options()))) > 10


def test_read__header_only__no_rows(tmp_path):
    assert read_all(written(tmp_path, "id,name,amount\n"))[0] == []
    assert read_all(written(tmp_path, "id,name,amount"))[0] == []


def test_read__windows_line_ends__same_rows(tmp_path):
    rows, numbers, _, _ = read_all(written(tmp_path, "id,name,amount\r\n1,a,2\r\n"))
    assert (rows, numbers) == ([{"id": "1", "name": "a", "amount": "2"}], [2])


def test_read__gzip__read_and_damage_refused(tmp_path):
    whole = gzip.compress(b"id,name,amount\n1,a,2\n")
    assert read_all(written(tmp_path, whole), Options(compression="gzip"))[1] == [2]
    for damaged in (whole[:-9], b"id,name,amount\n1,a,2\n", whole[:12] + b"xxxx" + whole[16:]):
        fault = fault_of(written(tmp_path, damaged), Options(compression="gzip"))
        assert fault.rule in {"compression", "columns_differ"}


def test_read__column_added_at_the_end__notice_and_not_read(tmp_path):
    rows, _, _, notices = read_all(written(tmp_path, "id,name,amount,new\n1,a,2,secret\n"))
    assert rows == [{"id": "1", "name": "a", "amount": "2"}]
    assert notices == ["column new added at the end, not read"]


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("id,amount", "columns differ: missing name"),
        ("id,title,amount", "columns differ: missing name; not expected 'title'"),
        ("id,amount,name", "columns differ: order: column 2 is amount, expected name"),
        ("ID,name,amount", "columns differ: missing id; not expected 'ID'"),
        ("id,new,name,amount", "columns differ: not expected 'new'"),
        ("id|name|amount", "columns differ: missing id, name, amount; not expected 'id|name|amount'"),
        ("id,name,name,amount", "the header names name twice"),
    ],
)
def test_read__header_drifts__stops_with_a_column_diff(tmp_path, header, sentence):
    assert fault_of(written(tmp_path, header + "\n1,a,2\n")).sentence == sentence


@pytest.mark.parametrize(
    ("content", "options", "rule", "sentence"),
    [
        (b"", Options(), "empty_file", "the file is empty, not even a header line"),
        (b"\n1,a,2\n", Options(), "empty_file", "the first line is empty, it must name the columns"),
        (b"id,name,amount\n1,a\0,2\n", Options(), "nul_byte", "line 2 holds a NUL byte"),
        (b"id,name,amount\n1,a,2\n2,\xff\xfe,2\n", Options(), "encoding", "line 3 is not valid utf-8"),
        ("id,name,amount\n1,王伟,2\n".encode("gb18030"), Options(), "encoding", "line 2 is not valid utf-8"),
        ("id|name|amount\n1|王伟|2\n".encode(), PIPE, "encoding", "the file is UTF-8, agreed was gb18030"),
        (
            b"\xef\xbb\xbfid,name,amount\n",
            Options(),
            "byte_order_mark",
            "the file begins with a byte order mark, none was agreed",
        ),
        (
            b"id,name,amount\n",
            Options(has_bom=True),
            "byte_order_mark",
            "the file does not begin with the byte order mark agreed on",
        ),
        (
            b'id,name,amount\n1,a,2\n2,"b\nc",3\n',
            Options(),
            "line_break_in_value",
            "line 3: a quoted value runs over the end of the line",
        ),
        (
            b'id,name,amount\n1,a,2\n2,"b,3\n3,c,4\n',
            Options(),
            "line_break_in_value",
            "line 3: a quoted value runs over the end of the line",
        ),
        (
            b"id,name,amount\n1,a\rb,2\n",
            Options(),
            "line_break_in_value",
            "line 2: a quoted value runs over the end of the line",
        ),
        (
            b"id,name,amount\n1,a,2\n2," + b"x" * 1_000_001 + b",3\n",
            Options(),
            "line_too_long",
            "line 3 is longer than 1 MB",
        ),
        (b"id,name,amount" + b"x" * 9_000_000, Options(), "line_too_long", "a line is longer than 1 MB"),
    ],
)
def test_read__file_is_not_what_was_agreed__refused_in_one_sentence(tmp_path, content, options, rule, sentence):
    fault = fault_of(written(tmp_path, content), options)
    assert (fault.rule, fault.sentence) == (rule, sentence)


def test_read__line_just_below_the_limit__kept(tmp_path):
    rows, *_ = read_all(written(tmp_path, "id,name,amount\n1," + "x" * 999_900 + ",2\n"))
    assert len(rows[0]["name"]) == 999_900


def test_read__mark_agreed_on__first_column_has_its_name(tmp_path):
    rows, *_ = read_all(written(tmp_path, b"\xef\xbb\xbfid,name,amount\n1,a,2\n"), Options(has_bom=True))
    assert rows[0]["id"] == "1"
