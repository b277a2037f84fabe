"""Deliveries written for tests: rows in, a folder with files and an honest manifest out."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from brokerlake.catalog import contract_of
from tests.conftest import PROJECT

DIALECTS = {
    "trading_accounts": ("|", "gb18030"),
    "trading_executions": ("|", "gb18030"),
    "crm_customers": (",", "gb18030"),
}


def source_columns(feed: str) -> list[str]:
    """The columns of the feed's file, in order."""
    columns = contract_of(PROJECT, f"bronze.{feed}").columns
    return [c.name for c in columns if not c.name.startswith("_") and not c.get("masked_from")]


def deliver(
    landing: Path,
    feed: str,
    day: date,
    rows: Sequence[Mapping[str, str]],
    *,
    sequence: int = 1,
    kind: str = "facts",
    delivered_on: date | None = None,
) -> Path:
    """Write one delivery of a delimited feed; columns a row leaves out are empty. The delivery's folder."""
    delimiter, encoding = DIALECTS[feed]
    names = source_columns(feed)
    lines = [delimiter.join(names), *(delimiter.join(row.get(name, "") for name in names) for row in rows)]
    data = ("\n".join(lines) + "\n").encode(encoding)
    folder = landing / feed / str(day) / f"seq={sequence}"
    folder.mkdir(parents=True)
    file = f"{feed}.csv"
    (folder / file).write_bytes(data)
    contract = contract_of(PROJECT, f"bronze.{feed}")
    manifest = {
        "feed": feed,
        "business_date": str(day),
        "delivered_on": str(delivered_on or day),
        "sequence": sequence,
        "schema_version": 1,
        "kind": kind,
        "files": [{"name": file, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "rows": len(rows)}],
        "rows": len(rows),
        "control_sums": {
            name: str(sum((Decimal(row.get(name) or 0) for row in rows), Decimal(0)))
            for name in contract.control_totals
        },
        "id_hash_total": str(
            sum(zlib.crc32("|".join(row.get(name, "") for name in contract.key).encode()) for row in rows)
        ),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder
