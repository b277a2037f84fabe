"""A small Spark job that loads the classes a night needs, run once in a JVM that archives them when it ends.

Runs inside the virtual environment, unlike the rest of this package: `python -m brokerlake.setup.warm_up FILE`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

EXIT_SECONDS = 300


def exercise(spark: Any, folder: Path) -> int:
    """Delta writes and reads, joins, windows, decimals and JSON as the tables use them; returns rows read back."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    path = str(folder / "table")
    spark.createDataFrame([("a", 1)], "name string, size int").where("size > 0").count()
    rows = spark.range(2000).select(
        F.col("id"),
        (F.col("id") % 7).cast("string").alias("key"),
        F.expr("try_cast(id as decimal(18,4))").alias("amount"),
        F.expr("date_add(date'2024-01-02', cast(id % 2 as int))").alias("as_of_date"),
        F.expr("timestamp'2024-01-02 01:00:00' + make_interval(0, 0, 0, 0, 0, 0, id)").alias("at"),
        F.to_json(F.struct("id")).alias("text"),
    )
    options = {"replaceWhere": "as_of_date >= '2024-01-01'", "userMetadata": "{}"}
    for mode in ({}, options):
        rows.write.format("delta").mode("overwrite").options(**mode).partitionBy("as_of_date").save(path)
    read = spark.read.format("delta").option("versionAsOf", 1).load(path)
    latest = Window.partitionBy("key", "as_of_date").orderBy(F.col("at").desc())
    newest = read.withColumn("place", F.row_number().over(latest)).where("place = 1").drop("place")
    sums = read.groupBy("key", "as_of_date").agg(
        F.sum("amount").alias("amount"), F.countDistinct("id").alias("count"), F.max_by("text", "at").alias("text")
    )
    joined = newest.select("key", "as_of_date", "id").join(F.broadcast(sums), ["key", "as_of_date"], "left")
    joined = joined.join(read.select("id"), "id", "left_semi").unionByName(joined.limit(1))
    joined.agg(F.sum(F.xxhash64("key", "amount").cast("decimal(38,0)"))).toArrow()
    joined.write.format("delta").mode("append").save(str(folder / "other"))
    return joined.count()


def main(archive: Path) -> None:
    """Run the job with the settings every session has, then wait until the JVM has written `archive`."""
    from brokerlake.session import open_session
    from brokerlake.settings import load_settings, merge

    with tempfile.TemporaryDirectory() as scratch:
        settings = load_settings(home=Path(scratch), profile="local")
        options = f"-XX:ArchiveClassesAtExit={archive} -Xlog:disable -Xlog:all=error:stderr"
        conf = merge(settings.conf, {"spark": {"jvm_options": options}})
        spark = open_session(replace(settings, conf=conf))
        exercise(spark, Path(scratch))
        gateway: Any = spark.sparkContext._gateway
        spark.stop()
        # PySpark leaves its JVM when its input closes; the archive is written between that and the JVM's end.
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(timeout=EXIT_SECONDS)
    if not archive.exists():
        sys.exit("the JVM wrote no class-data archive")


if __name__ == "__main__":
    os.environ.pop("PYSPARK_SUBMIT_ARGS", None)
    main(Path(sys.argv[1]))
