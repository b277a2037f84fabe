"""What DuckDB reads: the night's deliveries, and the lake's Parquet files of everything it does not make itself."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import unquote

import duckdb
from deltalake import DeltaTable

from brokerlake.lake import Lake
from brokerlake.privacy.keys import TokenKey
from brokerlake.tables import delta_files

OUTPUTS = (
    "silver.executions",
    "silver.cash_flows",
    "silver.events",
    "silver.visits",
    "silver.party_days",
    "gold.customer_360",
)
SUPPORT = (
    "silver.calendar",
    "silver.account_changes",
    "silver.product_changes",
    "silver.customer_changes",
    "silver.adviser_book_changes",
    "silver.adviser_changes",
    "silver.branch_changes",
    "silver.identity_map",
    "silver.orders",
    "silver.positions",
    "silver.balances",
    "silver.security_movements",
    "silver.logins",
    "silver.contacts",
    "silver.ad_clicks",
    "silver.customer_milestones",
    "gold.tag_values",
)
"""Tables the six are made from; the lake has made them, neither side counts them."""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Night:
    """The night to make.

    Attributes:
        lake: a lake that has run it.
        day: its trading day.
        vector: versions of the release of that night.
        scratch: folder for decoded files and outputs.
    """

    lake: Lake
    day: date
    vector: Mapping[str, int]
    scratch: Path

    def delivered(self, feed: str) -> list[Path]:
        """Data files of the feed's delivery; raises ValueError when it was handed over more than once."""
        folder = self.lake.settings.landing / feed / str(self.day)
        deliveries = sorted(folder.glob("seq=*"))
        if len(deliveries) != 1:
            raise ValueError(f"{feed}: {self.day}: {len(deliveries)} deliveries, the benchmark knows one")
        manifest = json.loads((deliveries[0] / "manifest.json").read_text(encoding="utf-8"))
        return [deliveries[0] / file["name"] for file in manifest["files"]]

    def decoded(self, feed: str, encoding: str) -> Path:
        """The delivery as one UTF-8 file, which DuckDB cannot make of GB18030 without an extension from the network."""
        target = self.scratch / f"{feed}.utf8"
        reader = codecs.getreader(encoding)
        (source,) = self.delivered(feed)
        with source.open("rb") as raw, target.open("w", encoding="utf-8", newline="") as out:
            text = reader(raw)
            while block := text.read(_BLOCK):
                out.write(block)
        return target


def connect(scratch: Path, key: TokenKey) -> duckdb.DuckDBPyConnection:
    """A connection in UTC whose macro `token(kind, value)` gives the tokens of the vault's key."""
    connection = duckdb.connect(config={"memory_limit": "8GB", "temp_directory": str(scratch / "spill")})
    connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    inner, outer = ("".join(f"\\x{byte ^ pad:02X}" for byte in key.secret.ljust(64, b"\0")) for pad in (0x36, 0x5C))
    message = f"'{inner}'::BLOB || encode(kind) || '\\x00'::BLOB || encode(text)"
    connection.execute(
        f"CREATE MACRO token(kind, text) AS '{key.version}_' || "
        f"left(sha256('{outer}'::BLOB || unhex(sha256({message}))), 32)"
    )
    return connection


def add_views(connection: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Views `silver_<table>`: support as known on the night, and of the outputs the days before it."""
    for name in (*SUPPORT, *OUTPUTS):
        _add_view(connection, night, name, before=name in OUTPUTS)


def _add_view(connection: duckdb.DuckDBPyConnection, night: Night, name: str, *, before: bool) -> None:
    contract = night.lake.contract(name)
    column, view = contract.date_column, name.replace(".", "_")
    files = []
    for file in DeltaTable(night.lake.settings.table_path(name), version=night.vector[name]).file_uris():
        day = _partition(file, column)
        if day is None or day < night.day or (day == night.day and not before):
            files.append(file)
    if not files:
        connection.register(view, delta_files.arrow_schema(contract).empty_table())
        return
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    hive = f", hive_partitioning = true, hive_types = {{'{column}': DATE}}" if column else ""
    connection.execute(f"CREATE VIEW {view} AS SELECT * FROM read_parquet([{listed}]{hive}, union_by_name = false)")


def _partition(file: str, column: str | None) -> date | None:
    if column is None:
        return None
    (part,) = [part for part in unquote(file).split("/") if part.startswith(f"{column}=")]
    return date.fromisoformat(part.partition("=")[2])
