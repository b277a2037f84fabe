"""A small published lake, made with deltalake alone: a fact with revisions, a gold table, and closed tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from brokerlake.settings import Settings

CATALOGUE = """
groups: [landing, trading, customer_marts, publish, report]
tables:
  bronze.fills: {owner: trading, impact: tier_1, group: trading}
  silver.fills:
    owner: trading
    impact: tier_1
    group: trading
    public: true
    log: {key: [fill_id], order: [revision], deleted: _withdrawn}
    inputs: {fills: {table: bronze.fills, dates: run}}
  gold.people:
    owner: customer-data
    impact: tier_2
    group: customer_marts
    public: true
    readers: [analysts]
    inputs: {fills: {table: silver.fills, dates: run}}
"""
FILLS = """
id: silver.fills
customProperties:
  - {property: technical_columns, value: source}
  - {property: effective_column, value: trade_date}
schema:
  - description: "One row per fill_id and revision."
    properties:
      - {name: fill_id, physicalType: string, primaryKey: true, primaryKeyPosition: 1, classification: "2/C2",
         description: "id"}
      - {name: revision, physicalType: int, classification: "1/none", description: "later wins"}
      - {name: amount, physicalType: "decimal(18,4)", classification: "3/C2", description: "CNY"}
      - {name: trade_date, physicalType: date, classification: "1/none", description: "market date"}
"""
PEOPLE = """
id: gold.people
schema:
  - description: "One row per one_id and as_of_date, it's said."
    properties:
      - {name: one_id, physicalType: string, primaryKey: true, primaryKeyPosition: 1, classification: "2/C2",
         description: "person"}
      - {name: remark, physicalType: string, classification: "1/none", description: "text"}
      - {name: as_of_date, physicalType: date, partitioned: true, classification: "1/none", description: "date"}
"""
MONDAY, TUESDAY = date(2024, 3, 4), date(2024, 3, 5)


@dataclass(frozen=True)
class SmallLake:
    settings: Settings

    def write(self, name: str, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
        write_deltalake(self.settings.table_path(name), pa.Table.from_pylist(rows, schema), mode="append")

    def publish(self, number: int, night: date, vector: dict[str, int], public: list[str]) -> None:
        row = {
            "number": number,
            "run_id": f"nightly:{night}",
            "kind": "nightly",
            "night": night,
            "first_date": night,
            "published_at": datetime(2024, 3, 5, 13, number, tzinfo=UTC),
            "vector": json.dumps(vector),
            "public": json.dumps(public),
            "stale_feeds": json.dumps({"web_events": None}),
            "note": None,
        }
        types = {"number": pa.int64(), "night": pa.date32(), "first_date": pa.date32()}
        types["published_at"] = pa.timestamp("us", "UTC")
        schema = pa.schema([(key, types.get(key, pa.string())) for key in row])
        write_deltalake(self.settings.lake / "ops" / "releases", pa.Table.from_pylist([row], schema), mode="append")


FILL_SCHEMA = pa.schema(
    [
        ("fill_id", pa.string()),
        ("revision", pa.int32()),
        ("amount", pa.decimal128(18, 4)),
        ("trade_date", pa.date32()),
        ("_file", pa.string()),
        ("_line", pa.int64()),
        ("_sequence", pa.int32()),
        ("_business_date", pa.date32()),
        ("_row_hash", pa.int64()),
        ("_withdrawn", pa.bool_()),
        ("_delivered_on", pa.date32()),
    ]
)
PEOPLE_SCHEMA = pa.schema([("one_id", pa.string()), ("remark", pa.string()), ("as_of_date", pa.date32())])


def fill(fill_id: str, amount: str, *, night: date = MONDAY, **other: Any) -> dict[str, Any]:
    row = {"fill_id": fill_id, "revision": 0, "amount": Decimal(amount), "trade_date": MONDAY}
    row |= {"_file": "f", "_line": 2, "_sequence": 1, "_business_date": night, "_row_hash": 1}
    return {**row, "_withdrawn": False, "_delivered_on": night, **other}


def _project(folder: Path) -> Path:
    texts = {
        "data_catalog.yaml": CATALOGUE,
        "contracts/silver/fills.yaml": FILLS,
        "contracts/gold/people.yaml": PEOPLE,
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    """Two releases; on Tuesday a1 is corrected, a2 withdrawn, a3 delivered again in a higher sequence."""
    folder = tmp_path_factory.mktemp("reader")
    made = SmallLake(Settings(_project(folder / "project"), folder / "home", "local", folder, {}))
    monday = [fill("a1", "10.5"), fill("a2", "20"), fill("a3", "30"), fill("a4", "40")]
    tuesday = [
        fill("a1", "11.25", night=TUESDAY, revision=1),
        fill("a2", "20", night=MONDAY, _sequence=2, _withdrawn=True, _delivered_on=TUESDAY),
        fill("a3", "33", night=MONDAY, _sequence=2, _delivered_on=TUESDAY),
    ]
    for rows in (monday, tuesday):
        made.write("silver.fills", rows, FILL_SCHEMA)
    for day, remark in ((MONDAY, "=cmd()"), (TUESDAY, "plain")):
        made.write("gold.people", [{"one_id": "p_1", "remark": remark, "as_of_date": day}], PEOPLE_SCHEMA)
    made.write("bronze.fills", monday, FILL_SCHEMA)
    write_deltalake(made.settings.vault / "identities", pa.table({"value": ["13800000000"]}))
    public = ["silver.fills", "gold.people"]
    made.publish(1, MONDAY, {"silver.fills": 0, "gold.people": 0, "bronze.fills": 0}, public)
    made.publish(2, TUESDAY, {"silver.fills": 1, "gold.people": 1, "bronze.fills": 0}, public)
    # A night that was written and never published: nobody may see it.
    made.write("silver.fills", [fill("a9", "99", night=date(2024, 3, 6))], FILL_SCHEMA)
    return made
