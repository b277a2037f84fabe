"""What every bronze reader gives: batches of text columns with line numbers, rejected lines, notices.

A reader is `read(path, columns, options) -> Iterator[Batch]`. It knows the columns it is handed and nothing of feeds,
tables or privacy: the text of a rejected line may hold identities, and the caller masks it before it is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

EXCERPT_CHARACTERS = 300
MOST_COLUMNS = 1000
MOST_REJECTS = 50_000
"""Malformed lines of one batch that are kept one by one; with more, the file is not what was agreed."""
MOST_SHOWN = 20
_NAME = re.compile(r"[A-Za-z][A-Za-z_]{0,39}[0-9]{0,2}")
_DELIMITERS = re.compile(r"[,;|\t]")


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


def too_many_rejects(first_line: int) -> UnreadableFile:
    """The fault of a file with more malformed lines than are worth keeping one by one."""
    return UnreadableFile("too_many_malformed", f"more than {MOST_REJECTS} malformed lines from line {first_line} on")


def compare_columns(expected: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    """Notices for columns added at the end; raises UnreadableFile with a column diff for any other difference.

    A name is shown only where it can be no content: the first line of a file without a header holds values.
    """
    if len(found) > MOST_COLUMNS:
        raise UnreadableFile("too_many_columns", f"the first line names more than {MOST_COLUMNS} columns")
    doubled = sorted(name for name, count in Counter(found).items() if count > 1)
    if doubled:
        raise UnreadableFile("duplicate_column", f"the header names {describe_names(doubled, expected, found)} twice")
    if list(found[: len(expected)]) == list(expected):
        added = found[len(expected) :]
        return (f"column {describe_names(added, expected, found)} added at the end, not read",) if added else ()
    raise UnreadableFile("columns_differ", describe_difference(expected, found))


def describe_difference(expected: Sequence[str], found: Sequence[str]) -> str:
    """One sentence: columns missing, columns not expected, or the first one out of place."""
    named, wanted = set(found), set(expected)
    missing = [name for name in expected if name not in named]
    strange = [name for name in found if name not in wanted]
    parts = []
    if missing:
        parts.append("missing " + ", ".join(missing))
    if strange:
        parts.append("not expected " + describe_names(strange, expected, found, quote=True))
    if not parts:
        at = next(i for i, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b)
        parts.append(f"order: column {at + 1} is {found[at]}, expected {expected[at]}")
    return "columns differ: " + "; ".join(parts)


def describe_names(names: Sequence[str], expected: Sequence[str], found: Sequence[str], quote: bool = False) -> str:
    """Those of the names found in a file that can be no content, the others counted."""
    known = {name.lower() for name in expected}
    is_header = 2 * len(set(expected).intersection(found)) >= len(found)

    def is_no_content(name: str) -> bool:
        parts = [part.strip(" \"'\ufeff").lower() for part in _DELIMITERS.split(name)]
        return all(part in known for part in parts) or (is_header and bool(_NAME.fullmatch(name)))

    shown = [repr(name) if quote else name for name in names if is_no_content(name)][:MOST_SHOWN]
    hidden = len(names) - len(shown)
    return ", ".join([*shown, *([f"{hidden} whose names are not shown"] if hidden else [])])
