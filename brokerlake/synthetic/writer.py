"""Deliveries: `landing/<feed>/<business_date>/seq=<n>/` with data files and, last, manifest.json.

What the manifest's totals mean, for rows that are not well-formed too:

- `rows`: lines after the header (JSON lines: all lines), malformed ones and repeats included; Parquet: its rows.
- `control_sums`: exact sum of a column over all rows with the right number of columns (JSON: valid lines) whose
  value is a plain decimal; the text of the sum has no exponent and no trailing zeros after the point.
- `id_hash_total`: sum of crc32 of the key columns' source text joined with `|`, over the rows with the right number
  of columns (JSON: valid lines); null is empty text.

The same arguments give the same bytes: no clock, no file name and no time inside gzip, zip or Parquet.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from brokerlake.synthetic.formats import FEEDS, FeedFormat
from brokerlake.synthetic.lines import exact_sum, id_hash_total, lines_of, text_table
from brokerlake.synthetic.spreadsheet import write_spreadsheet

ROWS_AT_A_TIME = 200_000
GZIP_LEVEL = 1


@dataclass(frozen=True)
class PlantedLine:
    """A line added to a file on purpose.

    Attributes:
        after: index of the real row it follows.
        key: the key text, None where the line has not the right number of columns (or is no JSON).
        amounts: control columns that read as decimals.
    """

    after: int
    line: str
    kind: str
    expected: str
    key: str | None
    amounts: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One file of a delivery: the rows (typed, in feed order) and the lines planted among them."""

    name: str
    rows: pa.Table
    planted: tuple[PlantedLine, ...] = ()


@dataclass
class _Totals:
    rows: int = 0
    id_hash: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)

    def add(self, rows: int, id_hash: int, sums: dict[str, Decimal]) -> None:
        self.rows += rows
        self.id_hash += id_hash
        for name, value in sums.items():
            self.sums[name] = self.sums.get(name, Decimal(0)) + value


def plain_decimal(value: Decimal) -> str:
    """The number without exponent and without trailing zeros after the point."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def planted_line_numbers(part: Part, has_header: bool) -> list[int]:
    """The line in the file of each planted line, in the order of `part.planted`; the first line is 1."""
    order = sorted(range(len(part.planted)), key=lambda index: (part.planted[index].after, index))
    numbers = [0] * len(order)
    for before, index in enumerate(order):
        numbers[index] = part.planted[index].after + 1 + before + 1 + int(has_header)
    return numbers


def _with_planted(lines: pa.Array, planted: Sequence[PlantedLine], offset: int) -> pa.Array:
    """The lines of one stretch, which begins at row `offset`, with the planted ones among them."""
    ordered = sorted((p for p in planted if offset <= p.after < offset + len(lines)), key=lambda p: p.after)
    if not ordered:
        return lines
    places = np.insert(
        np.arange(len(lines)),
        [p.after - offset + 1 for p in ordered],
        np.arange(len(lines), len(lines) + len(ordered)),
    )
    both = pa.concat_arrays([lines, pa.array([p.line for p in ordered], pa.string())])
    return both.take(pa.array(places))


def _encoded(lines: pa.Array, encoding: str) -> bytes:
    text = "\n".join(lines.to_pylist()) + "\n"
    return text.encode("utf-8" if encoding == "utf-8-sig" else encoding)


def _stretches(part: Part, feed: FeedFormat, totals: _Totals) -> Iterator[bytes]:
    """The file's bytes, a bounded number of rows at a time; fills `totals` as it goes."""
    if feed.has_header:
        head = feed.delimiter.join(feed.columns) + "\n"
        yield head.encode(feed.encoding)
    for offset in range(0, part.rows.num_rows, ROWS_AT_A_TIME):
        stretch = text_table(part.rows.slice(offset, ROWS_AT_A_TIME), feed.columns)
        sums = {name: exact_sum(stretch.column(name)) for name in feed.control}
        totals.add(stretch.num_rows, id_hash_total(stretch, feed.key), sums)
        yield _encoded(_with_planted(lines_of(stretch, feed), part.planted, offset), feed.encoding)
    for planted in part.planted:
        totals.add(1, _hash(planted.key), planted.amounts)


def _hash(key: str | None) -> int:
    return 0 if key is None else zlib.crc32(key.encode())


def _write_text(path: Path, part: Part, feed: FeedFormat) -> _Totals:
    totals = _Totals()
    with path.open("wb") as raw:
        out: IO[bytes] = raw
        if feed.gzip:
            out = gzip.GzipFile(  # type: ignore[assignment]
                filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=raw, mtime=0
            )
        for stretch in _stretches(part, feed, totals):
            out.write(stretch)
        if feed.gzip:
            out.close()
    return totals


def _whole_totals(rows: pa.Table, feed: FeedFormat) -> _Totals:
    totals = _Totals()
    text = text_table(rows, feed.key)
    totals.add(
        rows.num_rows, id_hash_total(text, feed.key), {name: exact_sum(rows.column(name)) for name in feed.control}
    )
    return totals


def _write_part(folder: Path, part: Part, feed: FeedFormat) -> _Totals:
    path = folder / part.name
    if feed.kind == "parquet":
        pq.write_table(part.rows.select(list(feed.columns)), path, compression="zstd")
        return _whole_totals(part.rows, feed)
    if path.suffix == ".xlsx":
        write_spreadsheet(path, text_table(part.rows, feed.columns))
        return _whole_totals(part.rows, feed)
    return _write_text(path, part, feed)


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def deliver(
    landing: Path, feed_name: str, business_date: date, parts: Iterable[Part], kind: str, sequence: int = 1
) -> Path:
    """Write one delivery whole (replacing what lay there), file by file, and return its folder.

    `kind` is facts, changes or snapshot: a change feed opens with a snapshot.
    """
    feed = FEEDS[feed_name]
    folder = landing / feed_name / business_date.isoformat() / f"seq={sequence}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files, whole = [], _Totals(sums={name: Decimal(0) for name in feed.control})
    for part in parts:
        totals = _write_part(folder, part, feed)
        path = folder / part.name
        whole.add(totals.rows, totals.id_hash, totals.sums)
        files.append({"name": part.name, "bytes": path.stat().st_size, "sha256": _digest(path), "rows": totals.rows})
    manifest = {
        "feed": feed_name,
        "business_date": business_date.isoformat(),
        "delivered_on": business_date.isoformat(),
        "sequence": sequence,
        "schema_version": 1,
        "kind": kind,
        "files": files,
        "rows": whole.rows,
        "control_sums": {name: plain_decimal(value) for name, value in whole.sums.items()},
        "id_hash_total": str(whole.id_hash),
    }
    unfinished = folder / "manifest.json.unfinished"
    unfinished.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    unfinished.rename(folder / "manifest.json")
    return folder
