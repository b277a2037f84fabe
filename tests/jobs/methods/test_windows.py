"""Windows, slopes and entropies as columns, against plain arithmetic; effective accounts on the edge of a window."""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from jobs.methods import windows
from jobs.methods.milestones import first_effective_nights

pytestmark = pytest.mark.spark


def value(spark: SparkSession, column: Column) -> Any:
    return spark.range(1).select(column).first()[0]  # type: ignore[index]


def test_slope__daily_series__equals_least_squares(spark: SparkSession) -> None:
    series = np.array([3.0, 0.0, 8.0, 1.0, 9.0])
    back = np.arange(5)[::-1]
    expected = np.polyfit(np.arange(5), series, 1)[0]
    found = value(spark, windows.slope(F.lit(series.sum()), F.lit(float((series * back).sum())), 5))
    assert found == pytest.approx(expected)


def test_entropy__equal_shares__log_of_their_number(spark: SparkSession) -> None:
    assert value(spark, windows.entropy([F.lit(2), F.lit(2), F.lit(2), F.lit(0)])) == pytest.approx(math.log(3))
    assert value(spark, windows.entropy([F.lit(5), F.lit(0)])) == 0.0
    assert value(spark, windows.entropy([F.lit(0), F.lit(0)])) is None


def test_to_money__units__come_back_exact(spark: SparkSession) -> None:
    amount = Decimal("12345678901.2345")
    assert value(spark, windows.to_money(windows.to_units(F.lit(amount).cast("decimal(18,4)")))) == amount
    assert value(spark, windows.to_money(F.lit(10_0001).cast("bigint"), 20)) == Decimal("0.5000")


def test_first_effective_nights__window_edges__by_hand(spark: SparkSession) -> None:
    """100,000 in 20 nights, any commission in 60; nights 100 to 103 are run."""
    dates = spark.createDataFrame(
        [(n, date(2024, 1, 1) + timedelta(days=n)) for n in range(100, 104)], "night_number int, night date"
    )
    given = [
        ("last_day_of_window", 81, 81, "60000", "0"),  # counts on nights 81 to 100: with 40,000 of night 100 enough
        ("last_day_of_window", 100, 100, "40000", "0"),
        ("day_too_old", 80, 80, "60000", "0"),  # counts up to night 99 only
        ("day_too_old", 100, 100, "40000", "0"),
        ("told_late", 90, 102, "100000", "0"),
        ("told_too_late", 81, 101, "100000", "0"),
        ("commission_on_the_edge", 41, 41, "0", "0.0001"),
        ("commission_too_old", 40, 40, "0", "5"),
        ("debt_leaves", 83, 83, "-50000", "0"),  # counts up to night 102: from 103 on the rest is enough
        ("debt_leaves", 100, 100, "100000", "0"),
        ("corrected", 100, 100, "100000", "0"),
        ("corrected", 100, 100, "-1", "0"),
    ]
    rows = [("customer", p, day, known, Decimal(a), Decimal(c)) for p, day, known, a, c in given]
    changes = spark.createDataFrame(
        rows,
        "party_kind string, party_id string, _day int, _known int, "
        "net_assets_amount decimal(18,4), commission_amount decimal(18,4)",
    )
    found = first_effective_nights(changes, dates, 5000).collect()
    nights = {row["party_id"]: (row["first_effective_on"] - date(2024, 1, 1)).days for row in found}
    assert nights == {"last_day_of_window": 100, "told_late": 102, "commission_on_the_edge": 100, "debt_leaves": 103}
