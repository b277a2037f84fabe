"""Silver and gold tables in Spark: pinned reads, rows in the plan, the shape of a contract; nothing is inferred."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from brokerlake.catalog import Contract
from brokerlake.errors import ContractError
from brokerlake.tables import delta_files


def in_plan(spark: SparkSession, rows: pa.Table) -> DataFrame:
    """The rows as a relation inside the plan; over Spark Connect a table without rows needs its schema said again."""
    schema = None if rows.num_rows else from_arrow_schema(rows.schema)
    return spark.createDataFrame(rows, schema)


def local_frame(spark: SparkSession, schema: pa.Schema, rows: Iterable[Sequence[object]]) -> DataFrame:
    """A few rows as a relation inside the plan: no Python worker reads it, and an empty one prunes what it meets."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return in_plan(spark, pa.Table.from_arrays(arrays, schema=schema))


def empty_frame(spark: SparkSession, contract: Contract) -> DataFrame:
    """No rows, the contract's columns."""
    return local_frame(spark, delta_files.arrow_schema(contract), [])


def read_version(spark: SparkSession, path: Path, version: int) -> DataFrame:
    """The table exactly as of `version`."""
    return spark.read.format("delta").option("versionAsOf", version).load(str(path))


def date_list(column: str, days: Sequence[date]) -> str:
    """`column IN (DATE'…', …)`: the partitions of these days."""
    listed = ", ".join(f"DATE'{day}'" for day in days)
    return f"{column} IN ({listed})"


def in_days(frame: DataFrame, column: str, days: Sequence[date]) -> DataFrame:
    """Rows of these days."""
    return frame.where(date_list(column, days) if days else "false")


def shape_to_contract(frame: DataFrame, contract: Contract) -> DataFrame:
    """The contract's columns in order; raises ContractError on a missing column or another type."""
    types = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
    for column in contract.columns:
        if column.name not in types:
            raise ContractError(f"{contract.table}: column {column.name}: build() does not return it")
        if types[column.name] != column.type:
            raise ContractError(
                f"{contract.table}: column {column.name}: build() returns {types[column.name]}, "
                f"the contract says {column.type}"
            )
    return frame.select([F.col(f"`{column.name}`") for column in contract.columns])
