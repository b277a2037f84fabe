"""Read a release: Arrow, pandas, polars, DuckDB or Spark, all tables of one night together.

from brokerlake.reader import open_release

release = open_release()
release.pandas("gold.customer_360")
release.duckdb().sql("SELECT * FROM brokerlake.tables")
"""

from brokerlake.reader.released import ReleasedTables, open_release

__all__ = ["ReleasedTables", "open_release"]
