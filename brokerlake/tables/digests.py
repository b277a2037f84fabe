"""The digest of a written version, and the facts its contract is judged by, in one scan.

Digest per date: row count and the sum of xxhash64 over the columns (a null mask among them) as DECIMAL(38,0);
technical columns left out, doubles as text with nine digits, so that content decides and order does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from brokerlake.catalog import Contract


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


def _canonical(name: str, type_: str) -> SparkColumn:
    return F.format_string("%.8e", F.col(name)) if type_ == "double" else F.col(name)


def _row_hash(contract: Contract) -> SparkColumn:
    content = [c for c in contract.columns if not c.name.startswith("_")] or list(contract.columns)
    mask = F.concat(*[F.col(c.name).isNull().cast("int").cast("string") for c in content])
    return F.xxhash64(*[_canonical(c.name, c.type) for c in content], mask)


def measure(frame: DataFrame, contract: Contract, whole_date: date | None = None) -> dict[date, Measured]:
    """Measured values per date column value; a table without one counts as `whole_date`."""
    required = [c.name for c in contract.columns if c.required]
    totals = contract.control_totals
    day = F.col(contract.date_column) if contract.date_column else F.lit(whole_date)
    key = contract.version_key if contract.key else [c.name for c in contract.columns]
    rows = (
        frame.groupBy(day.alias("_day"))
        .agg(
            F.count(F.lit(1)).alias("_rows"),
            F.sum(_row_hash(contract).cast("decimal(38,0)")).alias("_hash"),
            F.count_distinct(F.xxhash64(*[F.col(name) for name in key])).alias("_keys"),
            F.array(*[F.count_if(F.col(name).isNull()) for name in required]).alias("_nulls"),
            F.array(
                *[F.coalesce(F.sum(F.col(n).cast("decimal(28,4)")), F.lit(0)).cast("decimal(38,4)") for n in totals]
            ).alias("_sums"),
        )
        .collect()
    )
    return {
        row["_day"]: Measured(
            row_count=row["_rows"],
            digest=f"{row['_rows']}:{row['_hash']}",
            nulls=dict(zip(required, row["_nulls"], strict=True)),
            distinct_keys=row["_keys"],
            sums=dict(zip(totals, row["_sums"], strict=True)),
        )
        for row in rows
    }


def nothing(contract: Contract) -> Measured:
    """The measure of a date without rows."""
    required = [c.name for c in contract.columns if c.required]
    return Measured(0, EMPTY_DIGEST, dict.fromkeys(required, 0), 0, dict.fromkeys(contract.control_totals, Decimal(0)))
