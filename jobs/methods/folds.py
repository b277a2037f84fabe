"""Many columns or frames joined by one operator, as a balanced tree.

A plan may nest a hundred levels when it travels to a Spark Connect server, and an operator applied one after the other
takes a level for each: thirty conditions joined by `|` are thirty deep, as a tree they are five.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import add, and_, or_
from typing import TypeVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

T = TypeVar("T")


def fold(parts: Sequence[T], join: Callable[[T, T], T]) -> T:
    """All parts joined in their order, half and half; `join` must be associative, and there must be a part."""
    middle = len(parts) // 2
    return parts[0] if len(parts) == 1 else join(fold(parts[:middle], join), fold(parts[middle:], join))


def any_of(conditions: Sequence[Column]) -> Column:
    """True when one of them holds; false when there is none."""
    return fold([*conditions, F.lit(False)], or_)


def all_of(conditions: Sequence[Column]) -> Column:
    """True when each of them holds, so also when there is none."""
    return fold([*conditions, F.lit(True)], and_)


def total_of(numbers: Sequence[Column]) -> Column:
    """Their sum; 0 when there is none."""
    return fold([*numbers, F.lit(0)], add)


def union_by_name(frames: Sequence[DataFrame]) -> DataFrame:
    """The rows of all frames; a column that a frame lacks is null."""
    return fold(frames, lambda left, right: left.unionByName(right, allowMissingColumns=True))
