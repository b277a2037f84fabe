"""The latest row of each key: which columns decide, and how Spark and DuckDB find it. Both must mean the same."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from brokerlake.catalog import Contract, Input, Log, Table
from brokerlake.tables.delta_queries import latest_rows


def counted_log(source: Table, entry: Input) -> Log | None:
    """The log by which only the last row of a key counts; ahead of a date every change counts."""
    is_ahead = entry.dates == "ahead" and source.log is not None and source.log.effective
    return None if is_ahead else source.log


def version_order(log: Log, contract: Contract) -> list[str]:
    """The columns that rank the versions of a key, the first most."""
    names = (*log.order, "_business_date", "_sequence", contract.date_column)
    return list(dict.fromkeys(str(name) for name in names if name in contract.by_name))


def latest_known(frame: DataFrame, log: Log, contract: Contract, per: Sequence[str] = ()) -> DataFrame:
    """Per key (and `per`), the latest row in version order; keys whose latest row is deleted or withdrawn are gone."""
    order = [F.col(name).desc_nulls_last() for name in version_order(log, contract)]
    window = Window.partitionBy(*log.key, *per).orderBy(*order)
    latest = frame.withColumn("_place", F.row_number().over(window)).where(F.col("_place") == 1).drop("_place")
    return latest.where(~F.coalesce(F.col(log.deleted), F.lit(False))) if log.deleted else latest


def latest_in_sql(source: str, log: Log, contract: Contract) -> str:
    """The same for what stands behind FROM, to stand behind FROM."""
    return latest_rows(f"SELECT * FROM {source}", log, version_order(log, contract))
