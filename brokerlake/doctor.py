"""What a night needs on this machine: each check one sentence, and a remedy where it fails."""

from __future__ import annotations

import re
import sqlite3
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from brokerlake.landing.room import free_bytes, times_landing
from brokerlake.rights import open_folders
from brokerlake.settings import Settings
from brokerlake.setup.airflow_home import DATABASE
from brokerlake.setup.archive import fingerprint, is_current
from brokerlake.setup.environment import SUPPORTED
from brokerlake.setup.jars import faults, read_lock
from brokerlake.setup.java import REMEDY, WANTED, find_java, version_of
from brokerlake.setup.progress import SetupError

FREE_GIB = 5.0
SETUP = "run `make setup`"


@dataclass(frozen=True)
class Finding:
    """One check.

    Attributes:
        sentence: what was found.
        remedy: what to do; empty when all is well.
    """

    name: str
    sentence: str
    remedy: str = ""

    @property
    def is_good(self) -> bool:
        """True when nothing is to be done."""
        return not self.remedy

    @property
    def line(self) -> str:
        """The finding as one line."""
        mark = "ok  " if self.is_good else "FAIL"
        return f"{mark} {self.name}: {self.sentence}" + (f" Remedy: {self.remedy}." if self.remedy else "")


def installed(package: str) -> str | None:
    """The package's version, None when it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def check_python(found: tuple[int, int] = (sys.version_info[0], sys.version_info[1])) -> Finding:
    """Python 3.11 to 3.13."""
    text = ".".join(map(str, found))
    if SUPPORTED[0] <= found <= SUPPORTED[1]:
        return Finding("python", f"{text}.")
    return Finding("python", f"{text} is not supported.", "`make clean setup PYTHON=<Python 3.11 to 3.13>`")


def check_java(settings: Settings) -> Finding:
    """A working Java 17."""
    home = find_java(settings.tools)
    if home is None:
        return Finding("java", f"no Java {WANTED} was found.", REMEDY)
    return Finding("java", f"{home}.")


def check_jars(settings: Settings) -> Finding:
    """The jars of jars.lock, by hash."""
    try:
        wrong = faults(read_lock(settings.project / "jars.lock"), settings.tools / "jars")
    except (OSError, SetupError) as broken:
        return Finding("jars", f"{broken}.", "restore jars.lock")
    return Finding("jars", f"{'; '.join(wrong)}.", SETUP) if wrong else Finding("jars", "all verified.")


def spark_line(jars_lock: Path) -> tuple[str, str] | None:
    """(Spark line, Delta version) that the Delta jar is made for, such as ("4.2", "4.4.0")."""
    found = re.search(r"delta-spark_(\d+\.\d+)_[\d.]+:([\d.]+)", jars_lock.read_text(encoding="utf-8"))
    return (found[1], found[2]) if found else None


def check_spark(settings: Settings) -> Finding:
    """Pyspark, its client, Delta's Python package and the jar must be of one line."""
    spark, client, delta = (installed(name) for name in ("pyspark", "pyspark-client", "delta-spark"))
    line = spark_line(settings.project / "jars.lock")
    told = f"pyspark {spark}, pyspark-client {client}, delta-spark {delta}, jar for {line[0] if line else '?'}."
    matches = spark and spark == client and line and spark.startswith(line[0] + ".") and delta == line[1]
    return Finding("spark", told) if matches else Finding("spark", f"{told[:-1]} do not match.", SETUP)


def check_pandas(found: str | None = None) -> Finding:
    """Pandas below 3: Spark 4.2 does not work with 3."""
    found = found or installed("pandas")
    if found and int(found.partition(".")[0]) < 3:
        return Finding("pandas", f"{found}.")
    return Finding("pandas", f"{found or 'not installed'}; Spark 4.2 needs a version below 3.", SETUP)


def check_keys(settings: Settings) -> Finding:
    """At least one token key, and none that others may read."""
    keys = sorted((settings.private / "keys").glob("*.key"))
    if not keys:
        return Finding("keys", "there is no token key.", SETUP)
    open_ones = [key.name for key in keys if stat.S_IMODE(key.stat().st_mode) != 0o600]
    if open_ones:
        return Finding("keys", f"{', '.join(open_ones)}: others may read it.", "`chmod 600 .brokerlake/keys/*.key`")
    return Finding("keys", f"{len(keys)}, for their owner alone.")


def check_rights(settings: Settings) -> Finding:
    """Folders with clear identities or unchecked rows are closed to other accounts."""
    found = open_folders(settings)
    if found:
        return Finding(
            "rights", f"{', '.join(found)}: open to other accounts.", "`chmod go-rwx` on each; a run does it"
        )
    return Finding("rights", "landing, vault and what else is closed are closed.")


def newest_landing(settings: Settings) -> int:
    """Bytes of the newest business date in landing/, links not followed; 0 without one."""
    days = {folder.name for folder in settings.landing.glob("*/????-??-??")}
    files = settings.landing.glob(f"*/{max(days)}/seq=*/*") if days else ()
    return sum(file.lstat().st_size for file in files)


def check_disk(settings: Settings) -> Finding:
    """Room for the next night: some GiB at least, and the multiple of the newest day's deliveries it refuses below."""
    free = free_bytes(settings) / 2**30
    needed = max(FREE_GIB, times_landing(settings) * newest_landing(settings) / 2**30)
    if free < needed:
        return Finding("disk", f"{free:.1f} GiB free under {settings.home}.", f"make room for {needed:.0f} GiB")
    return Finding("disk", f"{free:.0f} GiB free, {needed:.0f} needed.")


def check_archive(settings: Settings) -> Finding:
    """The class-data archive fits this Java and these jars."""
    home = find_java(settings.tools)
    if home is None or version_of(home) is None:
        return Finding("class archive", "cannot be judged without Java.", REMEDY)
    spark_jars = Path(sys.prefix) / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    spark_jars = spark_jars / "site-packages" / "pyspark" / "jars"
    if is_current(settings.tools, fingerprint(home, [spark_jars, settings.tools / "jars"])):
        return Finding("class archive", "fits this Java and these jars.")
    return Finding("class archive", "missing or of another Java; sessions start slower.", SETUP)


def check_airflow(settings: Settings) -> Finding:
    """Airflow's database is there and migrated."""
    path = settings.project / ".airflow" / DATABASE
    if not path.exists():
        return Finding("airflow", "its database is missing.", SETUP)
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            database.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        return Finding("airflow", f"its database cannot be read ({error}).", "`rm -r .airflow` and `make setup`")
    return Finding("airflow", "its database is migrated.")


def examine(settings: Settings) -> list[Finding]:
    """Every check, in the order a night meets them."""
    checks: list[Callable[[Settings], Finding]] = [
        check_java,
        check_jars,
        check_spark,
        check_keys,
        check_rights,
        check_disk,
        check_archive,
        check_airflow,
    ]
    return [check_python(), check_pandas(), *(check(settings) for check in checks)]
