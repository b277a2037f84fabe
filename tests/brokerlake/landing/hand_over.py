"""Small deliveries for tests: data files as given, and a true manifest unless a part of it is overridden."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from brokerlake.catalog import contract_of

PROJECT = Path(__file__).resolve().parents[3]


def source_columns(feed: str) -> list[str]:
    contract = contract_of(PROJECT, f"bronze.{feed}")
    return [c.name for c in contract.columns if not c.name.startswith("_") and not c.get("masked_from")]


def delimited_bytes(
    feed: str, rows: Sequence[Mapping[str, str]], delimiter: str = "|", encoding: str = "gb18030"
) -> bytes:
    out = io.StringIO()
    names = source_columns(feed)
    writer = csv.DictWriter(out, names, delimiter=delimiter, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("gb18030")


def json_bytes(feed: str, rows: Sequence[Mapping[str, Any]], compressed: bool = True) -> bytes:
    names = source_columns(feed)
    text = "".join(json.dumps({n: row.get(n) for n in names}, ensure_ascii=False) + "\n" for row in rows).encode()
    return gzip.compress(text, mtime=0) if compressed else text


def totals_of(feed: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    contract = contract_of(PROJECT, f"bronze.{feed}")
    sums = {n: str(sum((Decimal(row[n]) for row in rows), Decimal(0))) for n in contract.control_totals}
    hashes = sum(zlib.crc32("|".join(row.get(n) or "" for n in contract.key).encode()) for row in rows)
    return {"rows": len(rows), "control_sums": sums, "id_hash_total": str(hashes)}


def hand_over(
    landing: Path,
    feed: str,
    day: date,
    rows: Sequence[Mapping[str, Any]],
    files: Mapping[str, bytes] | None = None,
    *,
    sequence: int = 1,
    kind: str = "facts",
    delivered_on: date | None = None,
    file_rows: Mapping[str, int] | None = None,
    row_count: int | None = None,
    **changed: Any,
) -> Path:
    """Write a delivery whose manifest tells the truth about `rows`, except for what `changed` overrides."""
    folder = landing / feed / day.isoformat() / f"seq={sequence}"
    folder.mkdir(parents=True, exist_ok=True)
    files = files if files is not None else {f"{feed}.txt": delimited_bytes(feed, rows)}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    counts = dict(file_rows or {name: len(rows) for name in files})
    manifest = {
        "feed": feed,
        "business_date": day.isoformat(),
        "delivered_on": (delivered_on or day).isoformat(),
        "sequence": sequence,
        "schema_version": 1,
        "kind": kind,
        "files": [
            {"name": n, "bytes": len(c), "sha256": hashlib.sha256(c).hexdigest(), "rows": counts[n]}
            for n, c in files.items()
        ],
        **totals_of(feed, rows),
        **changed,
    }
    if row_count is not None:
        manifest["rows"] = row_count
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
