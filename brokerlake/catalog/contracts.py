"""Contracts: what a table promises, read from ODCS v3.1 files under contracts/<layer>/<table>.yaml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from brokerlake.errors import ConfigurationError
from brokerlake.plain_yaml import expected_shape, read_mapping

_CLASSIFICATION = re.compile(r"[1-4]/(none|C1|C2)")


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        type: Spark SQL type in lower case, e.g. `decimal(18,4)`.
        classification: JR/T 0158 level and JR/T 0171 class, e.g. `3/C2` or `1/none`.
        properties: ODCS custom properties (identity, display_of, free_text, control_total, source_type …).
    """

    name: str
    type: str
    required: bool
    description: str
    classification: str
    properties: tuple[tuple[str, Any], ...] = ()

    def get(self, key: str, default: Any = None) -> Any:
        """The custom property `key`."""
        return dict(self.properties).get(key, default)


def _technical(name: str, type_: str, description: str, required: bool = True) -> Column:
    return Column(name, type_, required, description, "1/none")


SOURCE_COLUMNS = (
    _technical("_file", "string", "file of the delivery, relative to landing"),
    _technical("_line", "bigint", "line in that file, the header being line 1; row number for Parquet"),
    _technical("_sequence", "int", "sequence of the delivery"),
    _technical("_business_date", "date", "what the extract speaks of"),
    _technical("_row_hash", "bigint", "64-bit hash of the source columns after tokenising"),
    _technical("_withdrawn", "boolean", "true for a row that takes back a key a higher sequence no longer has"),
    _technical("_delivered_on", "date", "the night that took the delivery; partition"),
)
"""Technical columns of bronze tables and of the silver tables fed by them, in this order, at the end."""


@dataclass(frozen=True)
class Contract:
    """What one table promises: grain, key, date column, columns in order."""

    table: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    date_column: str | None
    raw: dict[str, Any]

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by name."""
        return {column.name: column for column in self.columns}

    @property
    def version_key(self) -> tuple[str, ...]:
        """What no two rows of a date share: the key and, where deliveries are told apart, the delivery."""
        delivered = tuple(name for name in ("_business_date", "_sequence") if name in self.by_name)
        return (*self.key, *(name for name in delivered if name not in self.key))

    @cached_property
    def properties(self) -> dict[str, Any]:
        """Custom properties of the contract as a whole."""
        return {item["property"]: item["value"] for item in self.raw.get("customProperties", ())}

    @property
    def effective_column(self) -> str | None:
        """The date column that says of which day a delivered row speaks, where the contract names one."""
        return self.properties.get("effective_column")

    @property
    def layer(self) -> str:
        """bronze, silver or gold."""
        return self.table.partition(".")[0]

    @property
    def control_totals(self) -> tuple[str, ...]:
        """Columns whose sums are carried from layer to layer."""
        return tuple(column.name for column in self.columns if column.get("control_total"))

    @property
    def ddl(self) -> str:
        """The schema as Spark DDL."""
        return ", ".join(f"`{c.name}` {c.type}" for c in self.columns)


def _read_column(table: str, item: dict[str, Any]) -> Column:
    for needed in ("name", "physicalType", "classification", "description"):
        if not item.get(needed):
            raise ConfigurationError(f"contract {table}: column {item.get('name', '?')} has no {needed}")
    if not _CLASSIFICATION.fullmatch(str(item["classification"])):
        raise ConfigurationError(
            f"contract {table}: column {item['name']}: classification must be 1 to 4, a slash, and none, C1 or C2 "
            "(C3 is never kept)"
        )
    extra = tuple((p["property"], p["value"]) for p in item.get("customProperties", ()))
    return Column(
        name=item["name"],
        type=str(item["physicalType"]).lower().replace(" ", ""),
        required=bool(item.get("required", False) or item.get("primaryKey", False)),
        description=item["description"],
        classification=str(item["classification"]),
        properties=extra,
    )


@cache
def load_contract(path: Path) -> Contract:
    """The contract in `path`; raises ConfigurationError naming table and column when a part is missing."""
    raw = read_mapping(path)
    table = f"{path.parent.name}.{path.stem}"
    with expected_shape(f"contract {table}"):
        return _as_contract(path, table, raw)


def _as_contract(path: Path, table: str, raw: dict[str, Any]) -> Contract:
    if raw.get("id") != table:
        raise ConfigurationError(f"contract {table}: id says {raw.get('id')}")
    schema = raw["schema"][0]
    columns = [_read_column(table, item) for item in schema["properties"]]
    extras = {p["property"]: p["value"] for p in raw.get("customProperties", ())}
    if path.parent.name == "bronze" or extras.get("technical_columns") == "source":
        columns.extend(SOURCE_COLUMNS)
    keyed = sorted(
        (item["primaryKeyPosition"], item["name"]) for item in schema["properties"] if item.get("primaryKey")
    )
    dated = [item["name"] for item in schema["properties"] if item.get("partitioned")]
    if columns[-1].name == "_delivered_on" and not dated:
        dated = ["_delivered_on"]
    names = [column.name for column in columns]
    if len(set(names)) != len(names):
        raise ConfigurationError(f"contract {table}: a column stands twice")
    return Contract(
        table=table,
        description=schema["description"],
        columns=tuple(columns),
        key=tuple(name for _, name in keyed),
        date_column=dated[0] if dated else None,
        raw=raw,
    )


def contract_of(project: Path, table: str) -> Contract:
    """The contract of `layer.table`."""
    layer, _, name = table.partition(".")
    return load_contract(project / "contracts" / layer / f"{name}.yaml")
