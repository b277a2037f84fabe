"""A release as an object: list its tables, read one into the library of choice."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerlake.errors import ReleaseError
from brokerlake.privacy.restrictions import leave_out
from brokerlake.reader.connection import HISTORY_VIEW, LATE_VIEW, LIST_VIEW, connect, identifier
from brokerlake.reader.readable import ReadableTable, readable_tables
from brokerlake.release.releases import Release, find_release, read_releases
from brokerlake.release.restatements import late_rows
from brokerlake.settings import Settings, load_settings

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    from pyspark.sql import DataFrame, SparkSession

HISTORY_SCHEMA = pa.schema(
    [
        ("number", pa.int64()),
        ("kind", pa.string()),
        ("night", pa.date32()),
        ("first_date", pa.date32()),
        ("published_at", pa.timestamp("us", "UTC")),
        ("stale_feeds", pa.list_(pa.string())),
        ("note", pa.string()),
        ("is_this_one", pa.bool_()),
    ]
)


class ReleasedTables:
    """The public tables of one release, each at the version the release pins."""

    def __init__(self, settings: Settings, release: Release) -> None:
        self.settings = settings
        self.release = release

    @cached_property
    def readable(self) -> dict[str, ReadableTable]:
        """Public tables by name."""
        return readable_tables(self.settings, self.release)

    def table(self, name: str) -> ReadableTable:
        """One public table; raises ReleaseError for any other name, bronze, vault and rejected rows included."""
        if name not in self.readable:
            raise ReleaseError(
                f"{name}: not a public table of release {self.release.number}; see `brokerlake sql 'SHOW TABLES'`"
            )
        return self.readable[name]

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return connect(self.readable, self._about())

    def _about(self) -> dict[str, pa.Table]:
        return {HISTORY_VIEW: self.history(), LATE_VIEW: self.late_rows()}

    def late_rows(self) -> pa.Table:
        """One row per night, table, date and control total of rows that came late; see `brokerlake restate`."""
        return late_rows(self.settings, self.release)

    def history(self) -> pa.Table:
        """One row per release of the lake, oldest first."""
        rows = [
            {
                **{name: getattr(release, name, None) for name in HISTORY_SCHEMA.names},
                "stale_feeds": sorted(release.stale_feeds),
                "is_this_one": release.number == self.release.number,
            }
            for release in read_releases(self.settings)
        ]
        return pa.Table.from_pylist(rows, HISTORY_SCHEMA)

    def tables(self) -> pa.Table:
        """One row per public table: name, description, rows, first and last date."""
        return self._connection.cursor().execute(f"FROM {LIST_VIEW}").to_arrow_table()

    def arrow(self, name: str) -> pa.Table:
        """The table as Arrow; facts at their latest known revision, without technical columns."""
        table = self.table(name)
        return self._connection.cursor().execute(f"FROM {identifier(table.name)}").to_arrow_table()

    def pandas(self, name: str) -> pandas.DataFrame:
        """The table as a pandas frame; decimals stay exact (Python Decimal)."""
        return self.arrow(name).to_pandas()

    def polars(self, name: str) -> polars.DataFrame:
        """The table as a polars frame."""
        import polars

        frame: Any = polars.from_arrow(self.arrow(name))
        return frame

    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """A new connection of the caller's own, with a view `layer.table` for each public table."""
        return connect(self.readable, self._about())

    def spark(self, session: SparkSession, name: str) -> DataFrame:
        """The table as a Spark frame, the same rows and columns as the other readers give."""
        from pyspark.sql import Window
        from pyspark.sql import functions as F

        table = self.table(name)
        rows = session.read.format("delta").option("versionAsOf", table.version).load(str(table.path))
        rows = leave_out(rows, table.contract, table.hidden)
        if table.log is None:
            return rows
        order = [F.col(column).desc_nulls_last() for column in table.order]
        newest = Window.partitionBy(*table.log.key).orderBy(*order)
        rows = rows.withColumn("_place", F.row_number().over(newest)).where("_place = 1")
        if table.log.deleted:
            rows = rows.where(~F.coalesce(F.col(table.log.deleted), F.lit(False)))
        return rows.select(*table.columns)


def open_release(
    source: Settings | Path | str | None = None, number: int | None = None, night: date | None = None
) -> ReleasedTables:
    """A release of the lake: the one numbered, the newest of a night, or the current one.

    Args:
        source: settings, or the folder the lake lives under; this project's own when left out.
        number: release number.
        night: business date; its newest release.

    Raises:
        ReleaseError: there is no such release.
    """
    settings = source if isinstance(source, Settings) else load_settings(Path(source) if source else None)
    return ReleasedTables(settings, find_release(settings, number=number, night=night))
