"""Cuts that DuckDB makes: the rows of an input that count, found among many small partitions.

For Spark each partition is a file to open, in every place where a plan uses the input, and "the latest row of each key"
an exchange and a sort. What DuckDB finds stands in the plan, or is one file beside the staged builds, where the next
table that asks the same question finds it. Ranges of as-of dates, restated dates and large inputs are cut by Spark.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from brokerlake.catalog import Contract, Log
from brokerlake.run.latest import latest_in_sql
from brokerlake.tables import delta_files, spark_tables
from brokerlake.tables.delta_queries import ask, copy_to, identifier, scan_days

MOST_ROWS_ASKED = 2_000_000
"""Rows of the partitions up to which one scan here costs less than Spark's many small files."""
ANSWERS_KEPT = 32
_FOLDER = "cuts"
_one_asking: dict[str, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True)
class Span:
    """One as-of date of a run.

    Attributes:
        as_of: the as-of date; what is effective later does not count, unless the input looks ahead.
        known: the night whose deliveries count.
        first: first effective date of a window, None for a state.
        last: last effective date.
    """

    as_of: date
    known: date
    first: date | None
    last: date


@dataclass(frozen=True)
class Cut:
    """What of an input counts.

    Attributes:
        where: conditions in SQL, all of which hold.
        latest: only the last row of each key, in the order of the log; none where that row deletes the key.
        dates: columns to add, each one date.
        columns: the contract's columns that are wanted; all when empty.
    """

    where: tuple[str, ...] = ()
    latest: Log | None = None
    dates: Mapping[str, date] = field(default_factory=dict)
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """A cut of the partitions `days` of a version, which are all that can hold something of it."""

    path: Path
    version: int
    contract: Contract
    days: tuple[date, ...]
    cut: Cut = Cut()

    def query(self) -> str:
        """The question in SQL."""
        added = [f"DATE '{day}' AS {identifier(name)}" for name, day in self.cut.dates.items()]
        wanted = [identifier(name) for name in schema_of(self.contract, self.cut).names if name not in self.cut.dates]
        return f"SELECT {', '.join([*wanted, *added])} FROM {self._rows()}"

    def _rows(self) -> str:
        source = scan_days(self.path, self.version, self.contract.date_column, self.days, self.cut.where)
        return source if self.cut.latest is None else latest_in_sql(source, self.cut.latest, self.contract)


def schema_of(contract: Contract, cut: Cut) -> pa.Schema:
    """The contract's columns that a cut wants, and those it adds."""
    wanted = [one for one in delta_files.arrow_schema(contract) if not cut.columns or one.name in cut.columns]
    return pa.schema([*wanted, *[pa.field(name, pa.date32()) for name in cut.dates]])


def with_key_in(log: Log, source: str) -> str:
    """A condition: the row's key is among the rows of `source`."""
    key = ", ".join(map(identifier, log.key))
    return f"({key}) IN (SELECT ({key}) FROM {source})"


def answers_folder(staging: Path) -> Path:
    """Where a run keeps what it asked."""
    return staging / _FOLDER


def drop_answers(staging: Path) -> None:
    """Remove what a run asked; nothing asks again once it publishes."""
    shutil.rmtree(answers_folder(staging), ignore_errors=True)


@lru_cache(maxsize=ANSWERS_KEPT)
def _answer(query: str) -> pa.Table:
    return ask(query)


def few_rows(spark: SparkSession, question: Question) -> DataFrame:
    """The answer as a relation in the plan; it lives in the driver and travels in tasks."""
    return spark_tables.in_plan(spark, _answer(question.query()).cast(schema_of(question.contract, question.cut)))


def answered(spark: SparkSession, question: Question, folder: Path, most_in_plan: int) -> DataFrame:
    """The answer in the plan up to so many rows, else one Parquet file in `folder`; each question is asked once."""
    query, schema = question.query(), schema_of(question.contract, question.cut)
    file = folder / f"{question.contract.table}-{hashlib.sha256(query.encode()).hexdigest()[:16]}.parquet"
    with _one_asking[str(file)]:
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            copy_to(query, file)
    if pq.read_metadata(file).num_rows <= most_in_plan:
        return spark_tables.in_plan(spark, pq.read_table(file, schema=schema))
    return spark.read.schema(from_arrow_schema(schema)).parquet(str(file))
