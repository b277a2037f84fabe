"""The one Spark session of a process, by profile; nobody else makes one.

Where SPARK_REMOTE names a Spark Connect server the session is a client of it, else a classic one in this process.
The tasks of a DAG run with a server of its own find that one, and start it again if it died.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brokerlake.errors import ConfigurationError
from brokerlake.settings import Settings
from brokerlake.setup.java import find_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REMOTE_VARIABLE = "SPARK_REMOTE"
SERVER_VARIABLE = "BROKERLAKE_SPARK_SERVER"
"""Name of the Spark Connect server on this machine that this process works with, set by the tasks of a DAG run."""
ONE_PROCESS_VARIABLE = "BROKERLAKE_ONE_PROCESS"
"""Set where the tasks of a DAG run one after another in one process, as `airflow dags test` does."""
_opening = threading.Lock()
_interpreting: dict[SparkSession, SparkSession] = {}
IN_PLAN_ROWS = "org.apache.spark.sql.catalyst.optimizer.ConvertToLocalRelation"
STATIC_SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # It tells the JVM the caller's line for each column expression: four round trips instead of one.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.scheduler.mode": "FAIR",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.ui.retainedExecutions": "1",
    "spark.sql.codegen.cache.maxEntries": "2000",
}
"""Fixed when the JVM starts: ours for a classic session and for a server we start, a cluster's own otherwise."""
SESSION_SETTINGS = {
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.vacuum.enforceTimeTravelWithinDeletedFileRetentionDuration": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # A partition a night is a small file: read many in one task.
    "spark.sql.files.openCostInBytes": "262144",
    # It evaluates projections of in-plan rows one column at a time in the optimizer; executors do that faster.
    "spark.sql.optimizer.excludedRules": IN_PLAN_ROWS,
    "spark.sql.adaptive.optimizer.excludedRules": IN_PLAN_ROWS,
    # Rows in the plan are few: one task reads them.
    "spark.sql.leafNodeDefaultParallelism": "1",
    # The JVM interprets longer methods: such a plan runs operator by operator instead.
    "spark.sql.codegen.hugeMethodLimit": "8000",
    # Inputs are cut by literal dates already; pruning by a join would plan its other side a second time.
    "spark.sql.optimizer.dynamicPartitionPruning.enabled": "false",
    "spark.sql.optimizer.runtime.bloomFilter.enabled": "false",
    # Batches for Python are bounded by rows; by bytes, each row would ask every column for its size.
    "spark.sql.execution.arrow.maxBytesPerBatch": "2147483647",
    # Plans are wide and short: what these rules look for in every expression, or in Delta's statistics, is not there.
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.databricks.delta.optimize.conditionalIncrementMetric.enabled": "false",
    "spark.databricks.delta.stats.skipping": "false",
    # The text of every plan is made again after each stage; ours are long and nobody reads them.
    "spark.sql.maxPlanStringLength": "1000",
    "spark.sql.ui.explainMode": "simple",
    # Unsaid, its default is worked out at each access to a field of a struct: by a look into the environment.
    "spark.sql.types.framework.enabled": "false",
    "spark.sql.debug.maxToStringFields": "1",
}
"""What every session says for itself, wherever it runs: the results depend on some of them."""
INTERPRETING = {"spark.sql.codegen.factoryMode": "NO_CODEGEN", "spark.sql.codegen.wholeStage": "false"}
"""Plans that see few rows: making code for them takes longer than interpreting them."""
ARCHIVE = "classes.jsa"
KEPT_CLASSES = (
    "functions",
    "org.apache.spark.sql.functions",
    "PythonUtils",
    "PythonSQLUtils",
    "org.apache.spark.sql.expressions.Window",
)
"""Names by which PySpark calls static methods for columns and frames."""
ITEMS_A_CALL = 10


def jvm_options(settings: Settings, *, is_large: bool = False) -> str:
    """JVM flags: UTC, the class-data archive if setup has built one, and the profile's own, by size of the run.

    `{project}` in the profile's is the folder with conf/ and jobs/.
    """
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
    extra = (is_large and spark.get("large_jvm_options")) or spark.get("jvm_options")
    return " ".join([*options, *([str(extra).replace("{project}", str(settings.project))] if extra else [])])


def jar_paths(settings: Settings) -> list[str]:
    """The verified jars; raises ConfigurationError when setup has not fetched them."""
    jars = sorted(str(path) for path in (settings.tools / "jars").glob("*.jar"))
    if not jars:
        raise ConfigurationError("jars: none in .brokerlake/jars; run `make setup`")
    return jars


def java_home(settings: Settings) -> Path:
    """The Java that runs Spark; raises ConfigurationError when there is none."""
    java = find_java(settings.tools)
    if java is None:
        raise ConfigurationError("java: no Java 17 found; run `make setup`")
    return java


def session_settings(settings: Settings) -> dict[str, str]:
    """What a session sets for itself: the results' settings, the number of shuffle partitions, the profile's own."""
    spark = settings.conf.get("spark", {})
    partitions = {"spark.sql.shuffle.partitions": spark.get("shuffle_partitions", 8)}
    return {k: str(v) for k, v in {**SESSION_SETTINGS, **partitions, **spark.get("settings", {})}.items()}


def static_settings(settings: Settings) -> dict[str, str]:
    """What a JVM is started with: jars, Delta's extension, folders under .brokerlake/spark, the profile's own."""
    private = settings.private / "spark"
    return {
        **STATIC_SETTINGS,
        "spark.jars": ",".join(jar_paths(settings)),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.warehouse.dir": str(private / "warehouse"),
        "spark.local.dir": str(private / "scratch"),
        **{k: str(v) for k, v in settings.conf.get("spark", {}).get("static_settings", {}).items()},
    }


def open_session(settings: Settings, *, is_large: bool = False) -> SparkSession:
    """The process's session, made on the first call; `is_large` says that it will work for minutes on the same code.

    Raises:
        ConfigurationError: no Java, no jars, or a profile without a Spark of its own and no SPARK_REMOTE.
    """
    with _opening:
        return _open(settings, is_large=is_large)


def interpreting(session: SparkSession, settings: Settings) -> SparkSession:
    """A session of the same Spark for plans that see few rows; over Spark Connect the session itself."""
    if session.__class__.__module__.startswith("pyspark.sql.connect"):
        return session
    with _opening:
        if session not in _interpreting:
            second = session.newSession()
            for key, value in {**session_settings(settings), **INTERPRETING}.items():
                second.conf.set(key, value)
            _interpreting[session] = second
        return _interpreting[session]


def _open(settings: Settings, *, is_large: bool) -> SparkSession:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if os.environ.get(SERVER_VARIABLE):
        from brokerlake.connect_server import use_server

        use_server(settings, os.environ[SERVER_VARIABLE])
    if os.environ.get(REMOTE_VARIABLE):
        return _connect(settings, os.environ[REMOTE_VARIABLE])
    if "master" not in settings.conf.get("spark", {}):
        raise ConfigurationError(
            f"profile {settings.profile}: {REMOTE_VARIABLE} names no Spark Connect server, e.g. sc://spark.example:15002"
        )
    return _open_classic(settings, is_large=is_large)


def _connect(settings: Settings, address: str) -> SparkSession:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.remote(address)
    for key, value in session_settings(settings).items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    atexit.register(_leave, session)
    return session


def _leave(session: SparkSession) -> None:
    """Tell the server that this client is gone; a server that is gone itself need not hear it."""
    with suppress(Exception):
        session.stop()


class _Functions:
    """Static methods of a class of the JVM, each looked up once: PySpark asks for class and method at every call.

    Columns by their names and constants are made once: they never change, and a fourth of all calls ask for one or give
    it back. Lists of columns are handed over ten a call instead of one.
    """

    def __init__(self, java_class: Any, jvm: Any) -> None:
        self._java_class = java_class
        self._jvm = jvm

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._java_class, name)
        if name in ("col", "lit"):
            method = _made_once(method)
        if name == "toSeq":
            method = _in_few_calls(method, self._jvm)
        setattr(self, name, method)
        return method


def _made_once(method: Any) -> Callable[[Any], Any]:
    """`method`, which answers the same text or whole number with the same column."""
    made = lru_cache(maxsize=None, typed=True)(lambda value: method(value))
    return lambda value: made(value) if isinstance(value, str | int) else method(value)


def _in_few_calls(to_seq: Any, jvm: Any) -> Callable[[Any], Any]:
    """`to_seq`, to which lists go as lists of ten, the longest that Java makes in one call."""
    list_of, empty = jvm.java.util.List.of, jvm.java.util.ArrayList

    def of(items: Any) -> Any:
        if not isinstance(items, list | tuple) or not items or any(item is None for item in items):
            return to_seq(items)
        if len(items) <= ITEMS_A_CALL:
            return to_seq(list_of(*items))
        whole = empty()
        for start in range(0, len(items), ITEMS_A_CALL):
            whole.addAll(list_of(*items[start : start + ITEMS_A_CALL]))
        return to_seq(whole)

    return of


def _keep_functions(jvm: Any) -> None:
    for name in KEPT_CLASSES:
        if not isinstance(vars(jvm).get(name), _Functions):
            vars(jvm)[name] = _Functions(getattr(jvm, name), jvm)


def _open_classic(settings: Settings, *, is_large: bool) -> SparkSession:
    from pyspark.sql import SparkSession

    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["JAVA_HOME"] = str(java_home(settings))
    spark = settings.conf["spark"]
    options = jvm_options(settings, is_large=is_large)
    (settings.private / "spark").mkdir(parents=True, exist_ok=True)
    # Classic driver options are read when the JVM starts, before a builder's config is.
    os.environ.setdefault(
        "PYSPARK_SUBMIT_ARGS",
        f'--driver-memory {spark.get("heap", "2g")} --driver-java-options "{options}" pyspark-shell',
    )
    builder = SparkSession.builder.appName("brokerlake").master(spark["master"])
    for key, value in {**static_settings(settings), **session_settings(settings)}.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel(spark.get("log_level", "ERROR"))
    _keep_functions(session.sparkContext._jvm)
    return session
