"""The tier of the best month average equals the rule played month end by month end."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.methods.tiers import best_average, tier_of

pytestmark = pytest.mark.spark
BOUNDS = ("10", "20", "30", "40", "50")
NAMES = ("0", "1", "2", "3", "4", "5")
ENDS = [f"end_{n}" for n in range(1, 7)]


def by_the_book(ends: Sequence[int], running: int) -> tuple[int, bool]:
    """Tier and watch by the words of the definition: up at once, watched at three, down at six to the best of them."""
    tier = 0
    for at, level in enumerate(ends, start=1):
        tier = max(tier, level)
        last_six = ends[max(at - 6, 0) : at]
        if len(last_six) == 6 and max(last_six) < tier:
            tier = max(last_six)
    watched = len(ends) >= 3 and max(ends[-3:]) < tier and running < tier
    return max(tier, running), watched


def played(spark: SparkSession, cases: Sequence[tuple[Sequence[int], int]]) -> list[tuple[int, bool]]:
    """Tier and watch of each case (levels of the month ends, oldest first; level of the running month) by the code."""
    rows = []
    for at, (ends, running) in enumerate(cases):
        latest_first = [*[10 * level for level in reversed(ends)][:6]]
        rows.append((at, 10 * running, *latest_first, *[None] * (6 - len(latest_first))))
    schema = ", ".join(["at int", "running int", *[f"{name} int" for name in ENDS]])
    columns = [F.col(name).cast("decimal(18,4)") for name in ("running", *ENDS)]
    tiers = [tier_of(best_average(columns[0], columns[1 : n + 1]), BOUNDS, NAMES) for n in (3, 6)]
    frame = spark.createDataFrame(rows, schema).select("at", tiers[0].alias("recent"), tiers[1].alias("kept"))
    return [(int(row["kept"]), row["recent"] != row["kept"]) for row in sorted(frame.collect())]


@pytest.mark.parametrize(
    ("ends", "running", "tier", "watched"),
    [
        ([1, 1, 1], 4, 4, False),  # up at once, within the month
        ([1, 1, 4], 0, 4, False),  # up at a month end
        ([4, 1], 1, 4, False),  # below once: kept
        ([4, 1, 1], 1, 4, False),  # below twice
        ([4, 1, 1, 1], 1, 4, True),  # below three times: watched
        ([4, 1, 1, 1], 4, 4, False),  # the running month is back
        ([4, 1, 1, 1, 4], 1, 4, False),  # a month ended there again
        ([4, 1, 3, 1, 2, 1], 1, 4, True),  # below five times
        ([4, 1, 3, 1, 2, 1, 0], 0, 3, True),  # six times: the best of the six
        ([4, 3, 2, 1, 0, 0, 0], 0, 3, True),
        ([4, 3, 2, 1, 0, 0, 0, 0], 0, 2, True),  # six month ends below that one too
        ([], 2, 2, False),  # no month end known yet
    ],
)
def test_tier_of_best_average__cases_of_the_definition__kept_watched_lost(
    spark: SparkSession, ends: list[int], running: int, tier: int, watched: bool
) -> None:
    assert by_the_book(ends, running) == (tier, watched)
    assert played(spark, [(ends, running)]) == [(tier, watched)]


def test_tier_of_best_average__any_history__equals_the_rule_played_month_by_month(spark: SparkSession) -> None:
    dice = random.Random(9)
    cases = [([dice.choice((0, 0, 1, 1, 2, 3, 5)) for _ in range(dice.randint(0, 20))], dice.randint(0, 5))
             for _ in range(2000)]  # fmt: skip
    assert played(spark, cases) == [by_the_book(*case) for case in cases]


def test_tier_of__bounds_and_no_average__bounds_included_nothing_is_lowest(spark: SparkSession) -> None:
    values = [
        (0, Decimal("9.9999")),
        (1, Decimal(10)),
        (2, Decimal("49.9999")),
        (3, Decimal(50)),
        (4, None),
        (5, Decimal(-1)),
    ]
    frame = spark.createDataFrame(values, "at int, average decimal(18,4)")
    found = frame.select("at", tier_of(F.col("average"), BOUNDS, NAMES).alias("tier")).collect()
    assert [row["tier"] for row in sorted(found)] == ["0", "1", "4", "5", "0", "0"]
