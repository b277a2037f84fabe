"""Rejected rows on their way back: read from landing by file and line, repaired by a person, handed over again.

The rows are clear text, so their file stays inside landing/, readable by its owner alone.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from brokerlake.errors import LandingError, PlanError
from brokerlake.ingest.sources import FeedSource, feed_source
from brokerlake.ingest.tally import Measure, exact_sum, key_hashes, plain_amounts
from brokerlake.lake import Lake
from brokerlake.landing.deliveries import MANIFEST, SCHEMA_VERSION, Delivery, read_delivery
from brokerlake.release.releases import current_release
from brokerlake.settings import Settings
from brokerlake.tables import ops
from jobs.bronze.batch import UnreadableFile
from jobs.bronze.lines import read_stretches

REPLAY = "replay"
_BOM = "\ufeff"
_ENDINGS = {"delimited": ".csv", "json_lines": ".jsonl", "parquet": ".parquet"}


@dataclass(frozen=True)
class RejectedRow:
    """Where a rejected row stands in landing, and the rule it broke."""

    file: str
    line: int
    rule: str
    business_date: date


def rejected_rows(lake: Lake, feed: str, night: date, business_date: date | None = None) -> list[RejectedRow]:
    """The rejected rows of a published night of one business date, by file and line.

    Raises PlanError when the night is not published, has none, or has those of several business dates and none is
    asked for.
    """
    feed_source(lake.settings, feed)
    release = current_release(lake.settings)
    if release is None or night > release.night:
        raise PlanError(
            f"replay: feed {feed}: night {night} is not published; hand over the whole delivery again with a higher "
            "sequence"
        )
    filed = ops.read_ops(lake.settings, "rejected").to_pylist()
    found = {
        (row["file"], row["line"]): RejectedRow(row["file"], row["line"], row["rule"], row["business_date"])
        for row in filed
        if row["feed"] == feed and row["night"] == night and row["verdict"] == "rejected"
    }
    dates = sorted({row.business_date for row in found.values()})
    if business_date is None and len(dates) > 1:
        listed = ", ".join(map(str, dates))
        raise PlanError(f"replay: feed {feed}: night {night} has rejected rows of {listed}: say --business-date")
    rows = [row for row in found.values() if business_date in (None, row.business_date)]
    if not rows:
        raise PlanError(f"replay: feed {feed}: night {night} has no rejected row" + _of(business_date))
    return sorted(rows, key=lambda row: (row.file, row.line))


def _of(business_date: date | None) -> str:
    return f" of {business_date}" if business_date else ""


def write_rejected(settings: Settings, feed: str, rows: Sequence[RejectedRow], path: Path) -> None:
    """Write the rows as they stand in landing to a new file there, in the feed's format, uncompressed.

    Raises LandingError when the path is outside landing or taken, or a delivered file is gone.
    """
    source, by_file = feed_source(settings, feed), _lines_by_file(rows)
    if not path.resolve().is_relative_to(settings.landing.resolve()):
        raise LandingError(f"feed {feed}: {path.name}: outside_landing: the rows hold clear identities")
    files = {settings.landing / name: lines for name, lines in by_file.items()}
    gone = [file for file in files if not file.is_file()]
    if gone:
        name = gone[0].relative_to(settings.landing)
        raise LandingError(f"feed {feed}: {name}: file_missing: the delivered file is no longer in landing")
    content = _as_parquet(files) if source.format == "parquet" else _as_text(source, files)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_new(feed, path, content)


def _lines_by_file(rows: Iterable[RejectedRow]) -> dict[str, list[int]]:
    lines: dict[str, list[int]] = {}
    for row in rows:
        lines.setdefault(row.file, []).append(row.line)
    return lines


def _as_parquet(files: Mapping[Path, Sequence[int]]) -> bytes:
    rows = [pq.read_table(file).take([line - 1 for line in lines]) for file, lines in files.items()]
    out = io.BytesIO()
    pq.write_table(pa.concat_tables(rows), out)
    return out.getvalue()


def _as_text(source: FeedSource, files: Mapping[Path, Sequence[int]]) -> bytes:
    """The header where the format has one, then the rows, in the feed's encoding."""
    lines = [] if source.format == "json_lines" else [_delimited(source, [column.name for column in source.columns])]
    for file, wanted in files.items():
        is_text = source.by_ending.get(file.suffix, source.format) in ("delimited", "json_lines")
        lines += _raw_lines(source, file, wanted) if is_text else _cells(source, file, wanted)
    text = (_BOM if source.options.has_bom else "") + "".join(f"{line}\n" for line in lines)
    return text.encode(source.options.encoding)


def _raw_lines(source: FeedSource, file: Path, wanted: Sequence[int]) -> list[str]:
    found, asked = [], set(wanted)
    for stretch in read_stretches(file, source.options):
        if asked.isdisjoint(range(stretch.first_line, stretch.first_line + stretch.count)):
            continue
        for at, line in enumerate(stretch.text.decode("utf-8").split("\n")[: stretch.count], stretch.first_line):
            if at in asked:
                found.append(line.removesuffix("\r"))
    return found


def _cells(source: FeedSource, file: Path, wanted: Sequence[int]) -> list[str]:
    """Rows of a file that is no text, as the main format's text; a row its reader refused is not among them."""
    asked, found = set(wanted), []
    for batch in source.read(file):
        for line, row in zip(batch.lines.to_pylist(), batch.rows.to_pylist(), strict=True):
            if line in asked:
                found.append(_delimited(source, [value or "" for value in row.values()]))
    return found


def _delimited(source: FeedSource, values: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=source.options.delimiter, lineterminator="").writerow(values)
    return out.getvalue()


def _write_new(feed: str, path: Path, content: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise LandingError(f"feed {feed}: {path.name}: the file is there already and is not overwritten") from None
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def hand_over_repaired(lake: Lake, feed: str, business_date: date, path: Path) -> Delivery:
    """Make the file a delivery `kind: replay` of that business date for the next night; the delivery.

    Raises LandingError, and leaves no delivery behind, when a line is still malformed or nothing is published yet.
    """
    source, release = feed_source(lake.settings, feed), current_release(lake.settings)
    if release is None:
        raise PlanError(f"replay: feed {feed}: nothing is published yet, so nothing was rejected")
    if not path.is_file():
        raise LandingError(f"feed {feed}: {path.name}: file_missing: no such file")
    day = lake.settings.landing / feed / str(business_date)
    sequence = 1 + max((int(p.name.partition("=")[2]) for p in day.glob("seq=*")), default=0)
    folder = day / f"seq={sequence}"
    folder.mkdir(parents=True, mode=0o700)
    try:
        file = folder / _name_in_landing(source, path)
        content = path.read_bytes()
        is_packed = content.startswith(b"\x1f\x8b")
        _write_new(feed, file, content if source.options.compression != "gzip" or is_packed else gzip.compress(content))
        manifest = _manifest(source, file, business_date, lake.calendar.next(release.night), sequence)
        _write_new(feed, folder / MANIFEST, json.dumps(manifest, indent=1).encode())
    except BaseException:
        with suppress(OSError):
            shutil.rmtree(folder)
        raise
    return read_delivery(folder)


def _name_in_landing(source: FeedSource, path: Path) -> str:
    ending = path.suffix if path.suffix in source.by_ending else _ENDINGS[source.format]
    packed = ".gz" if source.options.compression == "gzip" and ending not in source.by_ending else ""
    return f"{REPLAY}{ending}{packed}"


def _manifest(source: FeedSource, file: Path, business_date: date, night: date, sequence: int) -> dict[str, Any]:
    measured, content = _measure(source, file), file.read_bytes()
    stated = {"name": file.name, "bytes": len(content), "sha256": sha256(content).hexdigest(), "rows": measured.landed}
    return {
        "feed": source.feed,
        "business_date": str(business_date),
        "delivered_on": str(max(night, business_date)),
        "sequence": sequence,
        "schema_version": SCHEMA_VERSION,
        "kind": REPLAY,
        "files": [stated],
        "rows": measured.landed,
        "control_sums": {name: f"{value:f}" for name, value in sorted(measured.landed_sums.items())},
        "id_hash_total": str(measured.id_hash),
    }


def _measure(source: FeedSource, file: Path) -> Measure:
    """Rows, control sums and key hash of the file; LandingError at its first malformed line."""
    total, control = Measure(), source.contract.control_totals
    total.landed_sums.update({name: exact_sum(plain_amounts(pa.array([], pa.string()))) for name in control})
    try:
        for batch in source.read(file):
            if batch.rejects:
                first = batch.rejects[0]
                raise LandingError(f"feed {source.feed}: line {first.line}: {first.rule}: {first.sentence}")
            rows = pa.Table.from_batches([batch.rows])
            sums = {name: exact_sum(plain_amounts(rows.column(name).combine_chunks())) for name in control}
            total.add(Measure(rows.num_rows, 0, int(key_hashes(rows, source.contract.key).sum()), sums))
    except UnreadableFile as wrong:
        raise LandingError(f"feed {source.feed}: {file.name}: {wrong.rule}: {wrong.sentence}") from wrong
    if not total.landed:
        raise LandingError(f"feed {source.feed}: {file.name}: no_rows: the file holds no row")
    return total
