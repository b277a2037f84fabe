"""Deliveries whose files are given as bytes, and what is left of them on disk."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook

from brokerlake.ingest import Ingested, ingest_feed
from brokerlake.lake import load_feeds
from brokerlake.landing import find_deliveries, verify
from brokerlake.settings import Settings
from jobs.bronze.batch import SourceColumn
from tests.brokerlake.landing.hand_over import hand_over, source_columns

DAY = date(2024, 3, 4)


def take_in(settings: Settings, feed: str) -> Ingested:
    """Find, verify and ingest what the feed delivered on DAY, as a night does."""
    found = find_deliveries(settings, {feed: load_feeds(settings)[feed]})
    for delivery in found:
        verify(delivery, settings)
    return ingest_feed(settings, feed, {DAY: found}, [DAY], base_version=None, user_metadata={"run_id": "r"})


def offer(
    settings: Settings, feed: str, name: str, content: bytes, rows: int = 1, *, day: date = DAY, **changed: Any
) -> Path:
    """One file under a manifest that states its true size and hash."""
    files = {name: content}
    return hand_over(settings.landing, feed, day, [], files, file_rows={name: rows}, row_count=rows, **changed)


def text_file(feed: str, delimiter: str, more: Sequence[str] = (), **values: str) -> bytes:
    """A header and one row; `more` names columns behind those of the contract, with values of the same name."""
    names = [*source_columns(feed), *more]
    row = [values.get(name, "x" if at == 0 else "") for at, name in enumerate(names)]
    return f"{delimiter.join(names)}\n{delimiter.join(row)}\n".encode("gb18030")


def json_file(feed: str, *more: Mapping[str, Any], **values: Any) -> bytes:
    """One object a line with every key of the contract; a mapping of `more` gives a line of its own keys too."""
    base = {name: values.get(name, "x") for name in source_columns(feed)}
    return "".join(json.dumps({**base, **extra}, ensure_ascii=False) + "\n" for extra in (more or ({},))).encode()


def sheet_file(rows: Sequence[Sequence[Any]]) -> bytes:
    """A workbook with one sheet."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parquet_file(columns: Sequence[SourceColumn], rows: int = 1, **values: pa.Array) -> bytes:
    """The columns of the contract with nulls, except for those given; others are added behind."""
    types = {
        "decimal": pa.decimal128(18, 4), "int": pa.int64(), "date": pa.date32(), "timestamp": pa.timestamp("us"),
        "boolean": pa.bool_(), "string": pa.string(),
    }  # fmt: skip
    arrays = {c.name: values.pop(c.name, pa.nulls(rows, types[c.source_type])) for c in columns}
    out = io.BytesIO()
    pq.write_table(pa.table({**arrays, **values}), out)
    return out.getvalue()


def stored(settings: Settings) -> str:
    """Everything below the home but landing/: Parquet as a reader sees it, other files as they are."""
    texts = []
    for path in sorted(settings.home.rglob("*")):
        if not path.is_file() or path.is_relative_to(settings.landing):
            continue
        if path.suffix == ".parquet":
            texts += [str(row) for row in pq.read_table(path, partitioning=None).to_pylist()]
        texts.append(f"{path.name} {path.read_bytes().decode('utf-8', 'replace')}")
    return "\n".join(texts)
