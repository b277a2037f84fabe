"""Counts of an ingest: rows, money and key hashes per delivery, held against its manifest before anything commits."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokerlake.landing.deliveries import DeliveredFile, Delivery, fault, field_name

AMOUNT = pa.decimal128(38, 12)
ROWS_BEYOND = 1_000_000
"""Rows a file may have more than its manifest says before reading it to the end is no use."""
PLAIN_DECIMAL = r"^[+-]?[0-9]{1,24}(\.[0-9]{1,12})?$"
"""What is summed; anything else counts as no amount."""


@dataclass(frozen=True)
class FeedCounts:
    """What one night's deliveries of a feed came to.

    Attributes:
        landed: data lines of its files; landed = kept + rejected.
        withdrawn: rows added for keys that a higher sequence no longer has.
        superseded_rows: rows of deliveries that a higher sequence of the same night replaced, by their manifests.
        sums: control column -> (sum landed, sum of kept rows).
        withdrawn_sums: control column -> sum of the withdrawal rows.
    """

    files: int
    landed: int
    kept: int
    rejected: int
    withdrawn: int
    superseded_rows: int
    sums: Mapping[str, tuple[Decimal, Decimal]]
    withdrawn_sums: Mapping[str, Decimal]


@dataclass
class Measure:
    """Running totals of one delivery, or of a stretch of it."""

    landed: int = 0
    kept: int = 0
    id_hash: int = 0
    landed_sums: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    kept_sums: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, other: Measure) -> None:
        """Add a stretch's totals."""
        self.landed += other.landed
        self.kept += other.kept
        self.id_hash += other.id_hash
        for name, value in other.landed_sums.items():
            self.landed_sums[name] += value
        for name, value in other.kept_sums.items():
            self.kept_sums[name] += value


class Tally:
    """Measures by delivery, rows by file; filled by several threads."""

    def __init__(self, control: Sequence[str]):
        self.control = tuple(control)
        self._measures: dict[tuple[str, date, int], Measure] = defaultdict(Measure)
        self._file_rows: dict[tuple[str, date, int, str], int] = defaultdict(int)
        self._lock = Lock()

    def add(self, delivery: Delivery, file: DeliveredFile, stretch: Measure) -> None:
        """Add a stretch of one file; raises LandingError when it has far more rows than its manifest says."""
        with self._lock:
            self._measures[delivery.identity].add(stretch)
            self._file_rows[*delivery.identity, file.name] += stretch.landed
            found = self._file_rows[*delivery.identity, file.name]
        if found > file.rows + ROWS_BEYOND:
            sentence = f"expected {file.rows}, found more than {file.rows + ROWS_BEYOND}"
            raise fault(delivery.feed, f"{delivery.name}/{file.name}", "row_count", sentence)

    def check(self, delivery: Delivery) -> None:
        """Raise LandingError when files and manifest disagree: rows, control sums or key hash."""
        for file in delivery.files:
            found = self._file_rows[*delivery.identity, file.name]
            if found != file.rows:
                raise fault(
                    delivery.feed, f"{delivery.name}/{file.name}", "row_count", f"expected {file.rows}, found {found}"
                )
        measure, manifest = self._measures[delivery.identity], f"{delivery.name}/manifest.json"
        if set(delivery.control_sums) != set(self.control):
            stated = ", ".join(map(field_name, delivery.control_sums)) or "none"
            sentence = f"expected {', '.join(self.control) or 'none'}, found {stated[:200]}"
            raise fault(delivery.feed, manifest, "control_columns", sentence)
        for name, expected in delivery.control_sums.items():
            total = measure.landed_sums[name]
            if total != expected:
                sentence = f"expected {expected:f}, found {total.normalize():f}"
                raise fault(delivery.feed, manifest, f"control_sum_{name}", sentence)
        if measure.id_hash != delivery.id_hash_total:
            sentence = f"expected {delivery.id_hash_total}, found {measure.id_hash}"
            raise fault(delivery.feed, manifest, "id_hash_total", sentence)

    def counts(
        self, deliveries: Iterable[Delivery], superseded: Iterable[Delivery], withdrawn: pa.Table | None
    ) -> FeedCounts:
        """The totals of one night; `withdrawn` are its withdrawal rows."""
        night, files = Measure(), 0
        for delivery in deliveries:
            night.add(self._measures[delivery.identity])
            files += len(delivery.files)
        return FeedCounts(
            files=files,
            landed=night.landed,
            kept=night.kept,
            rejected=night.landed - night.kept,
            withdrawn=0 if withdrawn is None else withdrawn.num_rows,
            superseded_rows=sum(delivery.rows for delivery in superseded),
            sums={name: (night.landed_sums[name], night.kept_sums[name]) for name in self.control},
            withdrawn_sums={
                name: Decimal(0) if withdrawn is None else _column_sum(withdrawn, name) for name in self.control
            },
        )


def key_hashes(text: pa.Table, key: Sequence[str]) -> np.ndarray:
    """crc32 (uint32 as int64) of the key's clear text per row, columns joined by `|`, null as empty text."""
    columns = [text.column(name).combine_chunks() for name in key]
    joined = pc.binary_join_element_wise(*columns, "|", null_handling="replace", null_replacement="")
    values = joined.cast(pa.binary()).to_numpy(zero_copy_only=False)
    return np.fromiter(map(zlib.crc32, values), dtype=np.int64, count=len(values))


def plain_amounts(values: pa.Array) -> pa.Array:
    """The values that are plain decimals, exact; null for all others."""
    plain = pc.fill_null(pc.match_substring_regex(values, PLAIN_DECIMAL), False)
    return pc.if_else(plain, values, pa.scalar(None, pa.string())).cast(AMOUNT)


def _column_sum(rows: pa.Table, name: str) -> Decimal:
    return sum((exact_sum(plain_amounts(chunk)) for chunk in rows[name].chunks), Decimal(0))


def exact_sum(amounts: pa.Array) -> Decimal:
    """The sum of the amounts, null counting as nothing."""
    total = pc.sum(amounts).as_py()
    return Decimal(0) if total is None else total
