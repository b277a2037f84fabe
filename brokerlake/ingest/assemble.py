"""Batches of one or many files put together into one bronze batch: measured, judged, protected, hashed.

Many small files share one pass, since a pass costs the same for ten rows as for ten thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokerlake.ingest.protect import protect
from brokerlake.ingest.row_hashes import row_hashes
from brokerlake.ingest.sources import FeedSource
from brokerlake.ingest.tally import Measure, Tally, exact_sum, key_hashes, plain_amounts
from brokerlake.landing.deliveries import DeliveredFile, Delivery, fault
from brokerlake.landing.verify import verify
from brokerlake.privacy import Tokeniser, scrub_excerpts
from brokerlake.tables.delta_files import arrow_schema
from jobs.bronze.batch import Batch, Reject, UnreadableFile, excerpt

ROWS_AT_A_TIME = 65_536
REJECTED_SCHEMA = pa.schema(
    [
        ("night", pa.date32()),
        ("feed", pa.string()),
        ("table_name", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("rule", pa.string()),
        ("verdict", pa.string()),
        ("sentence", pa.string()),
        ("excerpt", pa.string()),
        ("business_date", pa.date32()),
        ("sequence", pa.int32()),
    ]
)
"""One row per rejected line, as ops.rejected keeps it."""


@dataclass(frozen=True)
class Entry:
    """One file to read; `is_first` of its delivery, whose files are then verified."""

    night: date
    delivery: Delivery
    file: DeliveredFile
    is_first: bool

    @property
    def name(self) -> str:
        """The file relative to landing."""
        return f"{self.delivery.name}/{self.file.name}"


@dataclass(frozen=True)
class Assembled:
    """Rows for bronze, rejected rows in the columns of ops.rejected, notices of the readers."""

    rows: pa.RecordBatch
    rejected: list[dict[str, Any]]
    notices: list[str]


class Assembler:
    """Turns files of one feed into bronze batches; shared by the threads of an ingest."""

    def __init__(self, source: FeedSource, tokeniser: Tokeniser, tally: Tally):
        self.source = source
        self.tokeniser = tokeniser
        self.tally = tally
        self.schema = arrow_schema(source.contract)

    def read(self, entries: Iterable[Entry]) -> Iterator[Assembled]:
        """The bronze batches of some files; raises LandingError naming feed, file and rule."""
        pieces: list[tuple[Entry, Batch]] = []
        rows = 0
        for entry in entries:
            if entry.is_first:
                verify(entry.delivery)
            for batch in self._read_file(entry):
                pieces.append((entry, batch))
                rows += batch.rows.num_rows
                if rows >= ROWS_AT_A_TIME:
                    yield self._assemble(pieces)
                    pieces, rows = [], 0
        if pieces:
            yield self._assemble(pieces)

    def _read_file(self, entry: Entry) -> Iterator[Batch]:
        try:
            yield from self.source.read(entry.delivery.folder / entry.file.name)
        except UnreadableFile as wrong:
            raise fault(self.source.feed, entry.name, wrong.rule, wrong.sentence) from wrong

    def _assemble(self, pieces: Sequence[tuple[Entry, Batch]]) -> Assembled:
        text = pa.Table.from_batches([batch.rows for _, batch in pieces]).combine_chunks()
        has_key = _all_filled(text, self.source.contract.key)
        self._measure(pieces, text, has_key)
        rejected = [row for entry, batch in pieces for row in self._rejected(entry, batch.rejects)]
        places = np.repeat(np.arange(len(pieces)), [batch.rows.num_rows for _, batch in pieces])
        lines = pa.concat_arrays([batch.lines for _, batch in pieces])
        if not has_key.all():
            rejected += self._without_key(pieces, text, lines, places, np.flatnonzero(~has_key))
            keep = pa.array(has_key)
            text, lines, places = text.filter(keep).combine_chunks(), lines.filter(keep), places[has_key]
        notices = [f"{entry.name}: {notice}" for entry, batch in pieces for notice in batch.notices]
        return Assembled(self._as_bronze(pieces, text, lines, places), rejected, notices)

    def _measure(self, pieces: Sequence[tuple[Entry, Batch]], text: pa.Table, has_key: np.ndarray) -> None:
        hashes = key_hashes(text, self.source.contract.key)
        amounts = {name: plain_amounts(text.column(name).combine_chunks()) for name in self.tally.control}
        kept_only = pa.array(has_key)
        offset = 0
        for entry, batch in pieces:
            count = batch.rows.num_rows
            kept = int(has_key[offset : offset + count].sum())
            stretch = Measure(count + len(batch.rejects), kept, int(hashes[offset : offset + count].sum()))
            for name, values in amounts.items():
                part = values.slice(offset, count)
                stretch.landed_sums[name] = exact_sum(part)
                whole = kept == count
                stretch.kept_sums[name] = (
                    stretch.landed_sums[name] if whole else exact_sum(part.filter(kept_only.slice(offset, count)))
                )
            self.tally.add(entry.delivery, entry.file, stretch)
            offset += count

    def _without_key(
        self,
        pieces: Sequence[tuple[Entry, Batch]],
        text: pa.Table,
        lines: pa.Array,
        places: np.ndarray,
        rows: np.ndarray,
    ) -> list[dict[str, Any]]:
        key = ", ".join(self.source.contract.key)
        found = []
        for row in rows.tolist():
            values = excerpt("|".join(str(text.column(at)[row].as_py() or "") for at in range(text.num_columns)))
            reject = Reject(lines[row].as_py(), "key_missing", f"a column of the key is empty ({key})", values)
            found += self._rejected(pieces[int(places[row])][0], [reject])
        return found

    def _rejected(self, entry: Entry, rejects: Sequence[Reject]) -> list[dict[str, Any]]:
        shown = scrub_excerpts([reject.text for reject in rejects])
        return [
            {
                "night": entry.night,
                "feed": self.source.feed,
                "table_name": self.source.table,
                "file": entry.name,
                "line": reject.line,
                "rule": reject.rule,
                "verdict": "rejected",
                "sentence": reject.sentence,
                "excerpt": text,
                "business_date": entry.delivery.business_date,
                "sequence": entry.delivery.sequence,
            }
            for reject, text in zip(rejects, shown, strict=True)
        ]

    def _as_bronze(
        self, pieces: Sequence[tuple[Entry, Batch]], text: pa.Table, lines: pa.Array, places: np.ndarray
    ) -> pa.RecordBatch:
        entries = [entry for entry, _ in pieces]
        nights = _spread([entry.night for entry in entries], places, pa.date32())
        kept = protect(self.source, text, nights, self.tokeniser)
        technical = {
            "_file": _spread([entry.name for entry in entries], places, pa.string()),
            "_line": lines,
            "_sequence": _spread([entry.delivery.sequence for entry in entries], places, pa.int32()),
            "_business_date": _spread([entry.delivery.business_date for entry in entries], places, pa.date32()),
            "_row_hash": row_hashes(kept.select([column.name for column in self.source.columns])),
            "_withdrawn": pa.array(np.zeros(len(places), dtype=bool)),
            "_delivered_on": nights,
        }
        columns = {**{name: kept.column(name).combine_chunks() for name in kept.column_names}, **technical}
        return pa.RecordBatch.from_arrays([columns[name] for name in self.schema.names], schema=self.schema)


def _all_filled(text: pa.Table, key: Sequence[str]) -> np.ndarray:
    """Per row: true where no column of the key is empty."""
    filled = np.ones(text.num_rows, dtype=bool)
    for name in key:
        column = text.column(name)
        if column.null_count:
            filled &= pc.is_valid(column).to_numpy()
    return filled


def _spread(values: Sequence[Any], places: np.ndarray, type_: pa.DataType) -> pa.Array:
    """Per row the value of its piece."""
    return pa.array(values, type_).take(pa.array(places))
