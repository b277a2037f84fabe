"""The one Spark session of a process, by profile; nobody else makes one."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from brokerlake.errors import ConfigurationError
from brokerlake.settings import Settings
from brokerlake.setup.java import find_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DELTA_SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.vacuum.enforceTimeTravelWithinDeletedFileRetentionDuration": "false",
}
SQL_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # A partition a night is a small file: read many in one task.
    "spark.sql.files.openCostInBytes": "262144",
    # It evaluates projections of in-plan rows one column at a time in the optimizer; executors do that faster.
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.ConvertToLocalRelation",
    # Inputs are cut by literal dates already; pruning by a join would plan its other side a second time.
    "spark.sql.optimizer.dynamicPartitionPruning.enabled": "false",
    # It tells the JVM the caller's line for each column expression: four round trips instead of one.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.scheduler.mode": "FAIR",
    "spark.ui.enabled": "false",
    # The text of every plan is made again after each stage; ours are long and nobody reads them.
    "spark.sql.maxPlanStringLength": "1000",
    "spark.sql.ui.explainMode": "simple",
    "spark.sql.ui.retainedExecutions": "1",
    "spark.ui.showConsoleProgress": "false",
}
ARCHIVE = "classes.jsa"


def jvm_options(settings: Settings, *, is_range: bool = False) -> str:
    """JVM flags: UTC, the class-data archive when setup has built one, and the profile's own for nights or ranges."""
    options = ["-Duser.timezone=UTC", "-XX:+IgnoreUnrecognizedVMOptions"]
    archive = settings.tools / ARCHIVE
    if archive.exists():
        options += [
            f"-XX:SharedArchiveFile={archive}",
            "-Xshare:auto",
            "-Xlog:disable",
            "-Xlog:all=error:stderr",
        ]
    spark = settings.conf.get("spark", {})
    extra = (is_range and spark.get("range_jvm_options")) or spark.get("jvm_options")
    return " ".join([*options, *([str(extra)] if extra else [])])


def jar_paths(settings: Settings) -> list[str]:
    """The verified jars; raises ConfigurationError when setup has not fetched them."""
    jars = sorted(str(path) for path in (settings.tools / "jars").glob("*.jar"))
    if not jars:
        raise ConfigurationError("jars: none in .brokerlake/jars; run `make setup`")
    return jars


def open_session(settings: Settings, *, is_range: bool = False) -> SparkSession:
    """The process's session, made on the first call; `is_range` says that it will work for minutes on the same code."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    java = find_java(settings.tools)
    if java is None:
        raise ConfigurationError("java: no Java 17 found; run `make setup`")
    os.environ["JAVA_HOME"] = str(java)
    spark = settings.conf.get("spark", {})
    options = jvm_options(settings, is_range=is_range)
    private = settings.private / "spark"
    private.mkdir(parents=True, exist_ok=True)
    # Classic driver options are read when the JVM starts, before a builder's config is.
    os.environ.setdefault(
        "PYSPARK_SUBMIT_ARGS",
        f'--driver-memory {spark.get("heap", "2g")} --driver-java-options "{options}" pyspark-shell',
    )
    builder = SparkSession.builder.appName("brokerlake").master(spark.get("master", "local[*]"))
    builder = builder.config("spark.jars", ",".join(jar_paths(settings)))
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    builder = builder.config("spark.sql.shuffle.partitions", str(spark.get("shuffle_partitions", 8)))
    builder = builder.config("spark.sql.warehouse.dir", str(private / "warehouse"))
    builder = builder.config("spark.local.dir", str(private / "scratch"))
    for key, value in {**DELTA_SETTINGS, **SQL_SETTINGS, **spark.get("settings", {})}.items():
        builder = builder.config(key, str(value))
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel(spark.get("log_level", "ERROR"))
    return session
