"""JSON lines: one object a line, every key of the contract present, values kept as text.

The strict parse of a whole stretch is one pass of DuckDB. Only a stretch it refuses is looked at line by line, so that
malformed lines are rejected with their number and text and the rest is kept. A key that no line of a stretch has is a
dropped or renamed column and stops the file.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.bronze.batch import (
    MOST_REJECTS,
    Batch,
    Options,
    Reject,
    SourceColumn,
    UnreadableFile,
    describe_difference,
    describe_names,
    excerpt,
    text_schema,
    too_many_rejects,
)
from jobs.bronze.c3 import refuse_keys
from jobs.bronze.lines import Stretch, read_stretches

_LOCAL = threading.local()
_LINES_LOOKED_AT_FOR_NEW_KEYS = 20
DEEPEST_NESTING = 500
"""Objects and arrays within one another; parsers behind bronze stop at 1,000, each in its own way."""
_OPENING = re.compile(r'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])')
_SENTENCES = {
    "not_json": "the line is no JSON",
    "not_an_object": "the line is no JSON object",
    "nul_character": "a value holds the character U+0000",
    "duplicate_key": "a key stands twice in the object",
    "key_missing_in_object": "the object lacks a key of the contract",
    "nested_too_deep": f"values are nested more than {DEEPEST_NESTING} deep",
}


def read(path: Path, columns: Sequence[SourceColumn], options: Options) -> Iterator[Batch]:
    """Batches of the file's rows; raises UnreadableFile when the file as a whole is not what was agreed."""
    notices: tuple[str, ...] | None = None
    for stretch in read_stretches(path, options):
        refuse_keys(stretch.text, stretch.first_line)
        lines = _as_array(stretch)
        if notices is None:
            notices = _new_keys(lines, columns)
        yield _read_lines(lines, stretch, columns, notices)
        notices = ()


def _as_array(stretch: Stretch) -> pa.Array:
    """One string per line over the stretch's own bytes, nothing copied; the line feed is blank space to JSON."""
    ends = np.flatnonzero(np.frombuffer(stretch.text, np.uint8) == 10) + 1
    offsets = np.zeros(stretch.count + 1, np.int32)
    offsets[1 : len(ends) + 1] = ends
    offsets[-1] = len(stretch.text)
    return pa.StringArray.from_buffers(stretch.count, pa.py_buffer(offsets), pa.py_buffer(stretch.text))


def _connection() -> duckdb.DuckDBPyConnection:
    """One in-memory connection a thread: opening one costs more than a small file."""
    if not hasattr(_LOCAL, "connection"):
        _LOCAL.connection = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
    return _LOCAL.connection


def _query(sql: str, lines: pa.Array) -> pa.Table:
    connection = _connection()
    connection.register("lines", pa.table({"line": lines, "place": pa.array(np.arange(len(lines)))}))
    try:
        return connection.execute(sql).to_arrow_table()
    finally:
        connection.unregister("lines")


def _parse_all(lines: pa.Array, columns: Sequence[SourceColumn]) -> pa.RecordBatch:
    """Every line parsed; raises duckdb.Error when one of them is malformed."""
    structure = json.dumps({column.name: "VARCHAR" for column in columns})
    picked = ", ".join(f'nullif(o."{column.name}", \'\') AS "{column.name}"' for column in columns)
    sql = f"SELECT {picked} FROM (SELECT from_json_strict(line, '{structure}') AS o FROM lines)"
    table = _query(sql, lines).combine_chunks()
    arrays = [column.combine_chunks().cast(pa.string()) for column in table.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=text_schema(columns))


def _read_lines(lines: pa.Array, stretch: Stretch, columns: Sequence[SourceColumn], notices: tuple[str, ...]) -> Batch:
    numbers = np.arange(stretch.first_line, stretch.first_line + stretch.count, dtype=np.int64)
    has_nul = b"\\u0000" in stretch.text
    deep = _mark_deep(lines)
    rows = None if has_nul or deep.null_count < len(deep) else _try_parse(lines, columns)
    if rows is not None:
        return Batch(rows, pa.array(numbers), (), notices)
    flat = lines.filter(pc.is_null(deep))
    rules = _mark_broken_json(flat)
    rows = None if has_nul else _try_parse(flat.filter(pc.is_null(rules)), columns)
    if rows is None:  # more is wrong than a line that is no JSON
        rules = _judge_lines(flat, columns)
        rows = _try_parse(flat.filter(pc.is_null(rules)), columns)
    if rows is None:
        raise UnreadableFile("not_json", f"from line {stretch.first_line} on: lines that no rule explains")
    rules = pc.replace_with_mask(deep, pc.is_null(deep), rules)
    if len(rules) - rules.null_count > MOST_REJECTS:
        raise too_many_rejects(stretch.first_line)
    rejects = tuple(
        Reject(int(numbers[at]), rule, _SENTENCES[rule], excerpt(lines[at].as_py().rstrip("\r\n")))
        for at, rule in enumerate(rules.to_pylist())
        if rule is not None
    )
    return Batch(rows, pa.array(numbers).filter(pc.is_null(rules)), rejects, notices)


def _mark_deep(lines: pa.Array) -> pa.Array:
    """Per line the rule `nested_too_deep` where it is, null elsewhere."""
    is_deep = np.zeros(len(lines), dtype=bool)
    for at in np.flatnonzero(pc.binary_length(lines).to_numpy() > 2 * DEEPEST_NESTING).tolist():
        line = lines[at].as_py()
        is_deep[at] = line.count("{") + line.count("[") > DEEPEST_NESTING and _depth(line) > DEEPEST_NESTING
    return pc.if_else(pa.array(is_deep), "nested_too_deep", pa.scalar(None, pa.string()))


def _depth(line: str) -> int:
    """How many objects and arrays are open at once at most; what stands in quotes does not count."""
    depth = deepest = 0
    for found in _OPENING.finditer(line):
        depth += 1 if found[1] else -1 if found[2] else 0
        deepest = max(deepest, depth)
    return deepest


def _try_parse(lines: pa.Array, columns: Sequence[SourceColumn]) -> pa.RecordBatch | None:
    """Every line parsed, or None when one of them is malformed."""
    try:
        return _parse_all(lines, columns)
    except duckdb.Error:
        return None


def _mark_broken_json(lines: pa.Array) -> pa.Array:
    """Per line the rule `not_json` where it is none, null elsewhere: the usual fault, and cheap to find."""
    sql = "SELECT CASE WHEN NOT json_valid(line) THEN 'not_json' END AS rule FROM lines ORDER BY place"
    return _query(sql, lines).column("rule").combine_chunks().cast(pa.string())


def _judge_lines(lines: pa.Array, columns: Sequence[SourceColumn]) -> pa.Array:
    """Per line the rule it breaks, null for a good one; raises UnreadableFile when all lines lack a key."""
    listed = ", ".join(f"'{column.name}'" for column in columns)
    judged = _query(
        f"""
        WITH shapes AS (
            SELECT place, line, json_valid(line) AS is_json,
                   CASE WHEN json_valid(line) THEN json_type(line) END AS kind,
                   CASE WHEN json_valid(line) AND json_type(line) = 'OBJECT' THEN json_keys(line) END AS keys
            FROM lines)
        SELECT keys,
               CASE WHEN NOT is_json THEN 'not_json'
                    WHEN kind <> 'OBJECT' THEN 'not_an_object'
                    WHEN contains(line, '\\u0000') THEN 'nul_character'
                    WHEN len(list_distinct(keys)) <> len(keys) THEN 'duplicate_key'
                    WHEN NOT list_has_all(keys, [{listed}]) THEN 'key_missing_in_object' END AS rule
        FROM shapes ORDER BY place
        """,
        lines,
    )
    _refuse_dropped_columns(judged, columns)
    return judged.column("rule").combine_chunks().cast(pa.string())


def _refuse_dropped_columns(judged: pa.Table, columns: Sequence[SourceColumn]) -> None:
    found = set(pc.list_flatten(judged.column("keys")).to_pylist())
    expected = [column.name for column in columns]
    if found and not found.issuperset(expected):
        raise UnreadableFile("columns_differ", describe_difference(expected, sorted(found)))


def _new_keys(lines: pa.Array, columns: Sequence[SourceColumn]) -> tuple[str, ...]:
    """A notice when one of the first lines has a key the contract does not know."""
    found: set[str] = set()
    for line in lines.slice(0, _LINES_LOOKED_AT_FOR_NEW_KEYS).to_pylist():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue  # rejected with its line number in its turn
        found.update(value if isinstance(value, dict) else ())
    expected = [column.name for column in columns]
    added = sorted(found.difference(expected))
    return (f"key {describe_names(added, expected, sorted(found))} added, not read",) if added else ()
