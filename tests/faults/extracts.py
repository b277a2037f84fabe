"""Rows to deliveries: a folder with one data file and a manifest that tells the truth about it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from brokerlake.catalog import Column, contract_of
from brokerlake.settings import read_yaml
from tests.conftest import PROJECT
from tests.faults.firm import Firm, Night, Row

CONF = Path(__file__).parent / "conf"
FEEDS: dict[str, dict[str, Any]] = read_yaml(CONF / "feeds.yaml")["feeds"]
MANIFEST = "manifest.json"
_ARROW = {"decimal": pa.decimal128(24, 6), "date": pa.date32(), "int": pa.int64(), "string": pa.string()}


def source_columns(feed: str) -> list[Column]:
    """What the feed's files hold, in order."""
    columns = contract_of(PROJECT, f"bronze.{feed}").columns
    return [c for c in columns if not c.name.startswith("_") and not c.get("masked_from")]


def delimited(feed: str, rows: Sequence[Row]) -> bytes:
    """The rows in the feed's dialect and encoding, header first."""
    out, names = io.StringIO(), [column.name for column in source_columns(feed)]
    delimiter = FEEDS[feed].get("delimiter", ",")
    writer = csv.DictWriter(out, names, delimiter=delimiter, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(FEEDS[feed]["encoding"])


def parquet(feed: str, rows: Sequence[Row]) -> bytes:
    """The rows as a Parquet file with the types the contract states."""
    arrays = {}
    for column in source_columns(feed):
        type_ = _ARROW[column.get("source_type", "string")]
        arrays[column.name] = pa.array([row.get(column.name) for row in rows], pa.string()).cast(type_)
    out = io.BytesIO()
    pq.write_table(pa.table(arrays), out)
    return out.getvalue()


def data_of(feed: str, rows: Sequence[Row]) -> bytes:
    """The data file of the feed's format."""
    return (parquet if FEEDS[feed]["format"] == "parquet" else delimited)(feed, rows)


def file_name(feed: str) -> str:
    """The data file's usual name."""
    return f"{feed}.parquet" if FEEDS[feed]["format"] == "parquet" else f"{feed}.csv"


def totals_of(feed: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Rows, control sums and key hash as a manifest states them."""
    contract = contract_of(PROJECT, f"bronze.{feed}")
    sums = {n: str(sum((Decimal(row.get(n) or 0) for row in rows), Decimal(0))) for n in contract.control_totals}
    hashes = sum(zlib.crc32("|".join(row.get(n) or "" for n in contract.key).encode()) for row in rows)
    return {"rows": len(rows), "control_sums": sums, "id_hash_total": str(hashes)}


def stated(name: str, data: bytes, rows: int) -> dict[str, Any]:
    """A file's entry of a manifest."""
    return {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "rows": rows}


def deliver(
    landing: Path,
    feed: str,
    day: date,
    rows: Sequence[Row],
    *,
    sequence: int = 1,
    kind: str | None = None,
    delivered_on: date | None = None,
    files: Mapping[str, tuple[bytes, int]] | None = None,
) -> Path:
    """Hand over one delivery; its folder.

    Args:
        files: name -> (content, lines that are no header), instead of one file with `rows`.
    """
    kind = kind or ("changes" if feed in ("crm_customers", "trading_accounts") else "facts")
    files = files if files is not None else {file_name(feed): (data_of(feed, rows), len(rows))}
    folder = landing / feed / str(day) / f"seq={sequence}"
    folder.mkdir(parents=True)
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    manifest = {
        "feed": feed,
        "business_date": str(day),
        "delivered_on": str(delivered_on or day),
        "sequence": sequence,
        "schema_version": 1,
        "kind": kind,
        "files": [stated(name, data, count) for name, (data, count) in files.items()],
        **totals_of(feed, rows),
        "rows": sum(count for _, count in files.values()),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def hand_over(landing: Path, firm: Firm, day: date, trades: int | None = None) -> Night:
    """Deliver every feed of the firm's next night; its rows."""
    night, is_first = firm.night(day, trades), not (landing / "crm_customers").exists()
    for feed, rows in night.items():
        kind = "snapshot" if is_first and feed in ("crm_customers", "trading_accounts") else None
        deliver(landing, feed, day, rows, kind=kind)
    return night
