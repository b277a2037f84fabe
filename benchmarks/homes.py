"""Homes of the benchmark: prepared once, cloned for every measurement, so that each begins with the same lake."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

LINKED_SUFFIXES = (".parquet", ".gz", ".txt", ".csv", ".xlsx")
"""Files that nobody changes in place once they are written: a clone may share them."""
SPARK = Path(".brokerlake", "spark")
"""Spark's warehouse, scratch and staged builds in a home."""
Progress = Callable[[str], None]


def clone_home(source: Path, target: Path) -> None:
    """`target` becomes a copy of `source`; files that never change are hard links.

    What Spark keeps for itself stays behind: a JVM that ends may still be clearing it.
    """
    shutil.rmtree(target, ignore_errors=True)

    def copy(file: str, to: str) -> str:
        if file.endswith(LINKED_SUFFIXES):
            os.link(file, to)
            return to
        return str(shutil.copy2(file, to))

    def of_spark(folder: str, names: list[str]) -> list[str]:
        return [SPARK.name] if Path(folder) == source / SPARK.parent else []

    shutil.copytree(source, target, copy_function=copy, ignore=of_spark)


def once(folder: Path, step: str, make: Callable[[], None], progress: Progress) -> None:
    """Run a step of the preparation unless its mark says that it was done; the mark is written last."""
    mark = folder / "done" / step
    if mark.exists():
        progress(f"{step}: kept from before")
        return
    progress(f"{step} ...")
    make()
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
