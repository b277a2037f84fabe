"""Read a release: Arrow, pandas, polars, DuckDB or Spark, all tables of one night together.

from brokerlake.reader import open_release

release = open_release()
release.pandas(name)  # any name of release.tables()
release.duckdb().sql("SELECT * FROM brokerlake.tables")
"""

from brokerlake.reader.released import ReleasedTables, open_release

__all__ = ["ReleasedTables", "open_release"]
