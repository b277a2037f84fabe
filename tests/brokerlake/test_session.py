"""Columns that are made once a process: the same text or number gives the same one, anything else a new one."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brokerlake.session import _made_once, open_session


@pytest.fixture
def calls() -> list[object]:
    return []


def test_made_once__texts_and_numbers__are_made_at_their_first_mention(calls):
    made = _made_once(lambda value: calls.append(value) or f"column {value!r}")
    assert [made(value) for value in ("a", 1, True, "a", 1, True)] == ["column 'a'", "column 1", "column True"] * 2
    assert [repr(value) for value in calls] == ["'a'", "1", "True"]


def test_made_once__decimals_of_other_scale__are_other_constants(calls):
    made = _made_once(lambda value: calls.append(value) or str(value))
    assert [made(Decimal(text)) for text in ("1.0", "1.00", "1.0")] == ["1.0", "1.00", "1.0"]
    assert len(calls) == 3


def test_session__columns_and_constants__mean_the_same_at_each_mention(spark):
    from pyspark.sql import functions as F

    row = spark.range(1).select(F.lit(1), F.lit(True), F.lit("1"), F.lit(Decimal("1.00")), F.lit(1) + F.col("id"))
    again = spark.range(1).select(F.lit(1), F.lit(True), F.lit("1"), F.lit(Decimal("1.0")), F.lit(1) + F.col("id"))
    assert list(row.first()) == list(again.first()) == [1, True, "1", Decimal(1), 1]
    assert [kind for _, kind in row.dtypes] == ["int", "boolean", "string", "decimal(3,2)", "bigint"]
    assert [kind for _, kind in again.dtypes][3] == "decimal(2,1)"


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 35])
def test_session__lists_of_any_length__keep_every_column_in_its_place(spark, count):
    from pyspark.sql import functions as F

    names = [f"c{number % 7}_{number}" for number in range(count)]
    row = spark.range(1).select(*(F.lit(name).alias(name) for name in names))
    assert row.columns == names
    assert list(row.first() or ()) == names
    assert row.select(*names[::-1]).drop(*names[:1]).columns == names[:0:-1]
    assert (
        spark.range(1).select(F.coalesce(F.lit(None), *map(F.lit, names), F.lit("end"))).first()[0]
        == [*names, "end"][0]
    )


def test_open_session__again__wraps_nothing_twice(spark, test_settings):
    kept = vars(spark.sparkContext._jvm)["functions"]
    assert open_session(test_settings) is spark
    assert vars(spark.sparkContext._jvm)["functions"] is kept
