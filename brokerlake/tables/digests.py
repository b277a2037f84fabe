"""The digest of a written version, and the facts its contract is judged by, in one scan outside the JVM.

Digest per date: row count and the sum of a 64-bit hash over the columns; technical columns left out, doubles as text
with nine digits, so that content decides and order does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from brokerlake.catalog import Column, Contract
from brokerlake.tables.delta_queries import ask, identifier, scan_days


@dataclass(frozen=True)
class Measured:
    """What one date of a written version holds.

    Attributes:
        nulls: nulls per required column.
        distinct_keys: different keys; equal to `row_count` when the key is one.
        sums: control totals by column.
    """

    row_count: int
    digest: str
    nulls: Mapping[str, int]
    distinct_keys: int
    sums: Mapping[str, Decimal]

    @property
    def sums_text(self) -> str:
        """Control totals as JSON, for the ledger."""
        return json.dumps({name: str(value) for name, value in sorted(self.sums.items())})


EMPTY_DIGEST = "0:0"


def _canonical(column: Column) -> str:
    name = identifier(column.name)
    return f"printf('%.8e', {name})" if column.type == "double" else name


def _hash(values: Sequence[str]) -> str:
    return f"hash({', '.join(values)})"


def _query(contract: Contract, rows: str, day: str) -> str:
    """One row per date: `day`, rows, hash, distinct keys, nulls of required columns, control totals."""
    content = [c for c in contract.columns if not c.name.startswith("_")] or list(contract.columns)
    key = contract.version_key if contract.key else [c.name for c in contract.columns]
    nulls = [f"count(*) FILTER ({identifier(c.name)} IS NULL)" for c in contract.columns if c.required]
    sums = [f"coalesce(sum({identifier(n)}::DECIMAL(38, 4)), 0)::DECIMAL(38, 4)" for n in contract.control_totals]
    return (
        f"SELECT {day} AS day, count(*) AS row_count, sum({_hash([_canonical(c) for c in content])})::VARCHAR AS hash, "
        f"count(DISTINCT {_hash([identifier(name) for name in key])}) AS distinct_keys, "
        f"[{', '.join(nulls)}]::BIGINT[] AS nulls, [{', '.join(sums)}]::DECIMAL(38, 4)[] AS sums "
        f"FROM {rows} GROUP BY ALL"
    )


def measure(path: Path, version: int, contract: Contract, days: Sequence[date]) -> dict[date, Measured]:
    """Measured values of `days` in a version, by date; those of a table without dates count as the last day's.

    The whole table is measured when its contract has no date column.
    """
    required = [c.name for c in contract.columns if c.required]
    day = identifier(contract.date_column) if contract.date_column else f"DATE '{days[-1]}'"
    query = _query(contract, scan_days(path, version, contract.date_column, days), day)
    return {
        row["day"]: Measured(
            row_count=row["row_count"],
            digest=f"{row['row_count']}:{row['hash']}",
            nulls=dict(zip(required, row["nulls"], strict=True)),
            distinct_keys=row["distinct_keys"],
            sums=dict(zip(contract.control_totals, row["sums"], strict=True)),
        )
        for row in ask(query).to_pylist()
    }


def nothing(contract: Contract) -> Measured:
    """The measure of a date without rows."""
    required = [c.name for c in contract.columns if c.required]
    return Measured(0, EMPTY_DIGEST, dict.fromkeys(required, 0), 0, dict.fromkeys(contract.control_totals, Decimal(0)))
