"""What every bronze reader gives: batches of text columns with line numbers, rejected lines, notices.

A reader is `read(path, columns, options) -> Iterator[Batch]`. It knows the columns it is handed and nothing of feeds,
tables or privacy: the text of a rejected line may hold identities, and the caller masks it before it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

EXCERPT_CHARACTERS = 300


@dataclass(frozen=True)
class SourceColumn:
    """One column a file must have; `source_type` is string, decimal, int, date, timestamp or boolean."""

    name: str
    source_type: str = "string"


@dataclass(frozen=True)
class Options:
    """How the file is written.

    Attributes:
        encoding: Python's name of the encoding, decoded strictly.
        compression: gzip or none.
        has_bom: the file must begin with a byte order mark, or must not.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    compression: str = "none"
    has_bom: bool = False


@dataclass(frozen=True)
class Reject:
    """A line that is no row: its number, what is wrong, and the beginning of its text as it stands in the file."""

    line: int
    rule: str
    sentence: str
    text: str


@dataclass(frozen=True)
class Batch:
    """A stretch of one file.

    Attributes:
        rows: the columns asked for, in their order, all text; an empty value is null.
        lines: line of each row (int64), the first line of the file being 1; row number for Parquet.
        rejects: lines of the stretch that are no rows.
        notices: what a person should know though it stops nothing, e.g. an added column.
    """

    rows: pa.RecordBatch
    lines: pa.Array
    rejects: tuple[Reject, ...] = ()
    notices: tuple[str, ...] = ()


Reader = Callable[[Path, Sequence[SourceColumn], Options], Iterator[Batch]]


class UnreadableFile(Exception):
    """The file as a whole is not what was agreed; `rule` names the fault, the message says it in one sentence."""

    def __init__(self, rule: str, sentence: str):
        super().__init__(sentence)
        self.rule = rule
        self.sentence = sentence


def text_schema(columns: Sequence[SourceColumn]) -> pa.Schema:
    """The columns as Arrow strings."""
    return pa.schema([(column.name, pa.string()) for column in columns])


def excerpt(text: str) -> str:
    """The beginning of a line's text, short enough to keep."""
    return text[:EXCERPT_CHARACTERS]


def compare_columns(expected: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    """Notices for columns added at the end; raises UnreadableFile with a column diff for any other difference."""
    doubled = sorted({name for name in found if found.count(name) > 1})
    if doubled:
        raise UnreadableFile("duplicate_column", f"the header names {', '.join(doubled)} twice")
    if list(found[: len(expected)]) == list(expected):
        added = found[len(expected) :]
        return (f"column {', '.join(added)} added at the end, not read",) if added else ()
    raise UnreadableFile("columns_differ", describe_difference(expected, found))


def describe_difference(expected: Sequence[str], found: Sequence[str]) -> str:
    """One sentence: columns missing, columns not expected, or the first one out of place."""
    missing = [name for name in expected if name not in found]
    strange = [repr(name[:60]) for name in found if name not in expected]
    parts = []
    if missing:
        parts.append("missing " + ", ".join(missing))
    if strange:
        parts.append("not expected " + ", ".join(strange[:20]))
    if not parts:
        at = next(i for i, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b)
        parts.append(f"order: column {at + 1} is {found[at]}, expected {expected[at]}")
    return "columns differ: " + "; ".join(parts)
