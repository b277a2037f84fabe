"""Balanced folds: every part once and in order, and few levels deep."""

from __future__ import annotations

import pytest

from jobs.methods import folds


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64])
def test_fold__texts__all_of_them_in_their_order(count):
    parts = [f"<{number}>" for number in range(count)]
    assert folds.fold(parts, lambda left, right: left + right) == "".join(parts)


def test_fold__a_thousand_parts__ten_levels_deep():
    assert folds.fold([0] * 1000, lambda left, right: max(left, right) + 1) == 10


@pytest.mark.spark
def test_any_of_and_all_of__of_conditions__as_sql_has_it_and_none_of_none(spark):
    from pyspark.sql import functions as F

    row = spark.range(1).select(F.lit(True).alias("t"), F.lit(False).alias("f"), F.lit(2).alias("n"))
    t, f, n = F.col("t"), F.col("f"), F.col("n")
    found = row.select(
        folds.any_of([f, f, t]), folds.any_of([f, f]), folds.any_of([]),
        folds.all_of([t, t]), folds.all_of([t, f, t]), folds.all_of([]),
        folds.total_of([n, n, n]), folds.total_of([]),
    ).first()  # fmt: skip
    assert tuple(found) == (True, False, False, True, False, True, 6, 0)


@pytest.mark.spark
def test_union_by_name__columns_that_a_frame_lacks__are_null(spark):
    from pyspark.sql import functions as F

    numbers = spark.range(1).select("id")
    first, second = numbers, numbers.withColumn("more", F.lit("x"))
    assert sorted(map(tuple, folds.union_by_name([first, second, first]).collect()), key=str) == [
        (0, "x"), (0, None), (0, None),
    ]  # fmt: skip
