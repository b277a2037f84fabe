"""What reads as a type and what does not."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from jobs.methods.source_types import (
    is_filled,
    local_date,
    not_cast,
    to_boolean,
    to_date,
    to_decimal,
    to_double,
    to_integer,
    to_text,
    to_utc,
)

pytestmark = pytest.mark.spark

DECIMALS = {
    "12.50": Decimal("12.5000"),
    " -0.1 ": Decimal("-0.1000"),
    "+7": Decimal("7.0000"),
    "1.234500": Decimal("1.2345"),
    "99999999999999.9999": Decimal("99999999999999.9999"),
    "999999999999999": None,  # more digits than DECIMAL(18,4) holds
    "1.23456": None,  # would be rounded
    "1e3": None,
    "1,000": None,
    "12.": None,
    "NaN": None,
    "": None,
    None: None,
}
DATES = {
    "2024-02-29": date(2024, 2, 29),
    "2023-02-29": None,
    "2024-1-5": None,
    "20240105": None,
    "2024": None,
    "": None,
}
TIMES = {
    "2024-03-04 09:30:00": datetime(2024, 3, 4, 1, 30),
    "2024-03-04T00:00:00.250": datetime(2024, 3, 3, 16, 0, 0, 250000),
    "2024-10-21T09:30:01.123+08:00": datetime(2024, 10, 21, 1, 30, 1, 123000),
    "2024-10-21T09:30:01Z": datetime(2024, 10, 21, 9, 30, 1),
    "2024-03-04 24:00:00": None,
    "2024-02-30 09:30:00": None,
    "2024-03-04 09:30": None,
    "2024-03-04": None,
    "": None,
}


@pytest.fixture(scope="module")
def typed(spark):
    """Every text of the tables above with all its types, collected once."""
    texts = {*DECIMALS, *DATES, *TIMES, "true", "FALSE", "yes", "1", "-3", "9223372036854775808", "  "}
    frame = spark.createDataFrame([(text,) for text in texts], "text string").select(
        "text",
        to_decimal("text", 18, 4).alias("decimal"),
        to_decimal(F.col("text"), 6, 0).alias("whole_decimal"),
        to_double("text").alias("double"),
        to_integer("text").alias("integer"),
        to_boolean("text").alias("boolean"),
        to_date("text").alias("date"),
        to_utc("text", "Asia/Shanghai").alias("time"),
        local_date(to_utc("text", "Asia/Shanghai"), "Asia/Shanghai").alias("local"),
        is_filled("text").alias("is_filled"),
        not_cast("text", to_decimal("text", 18, 4)).alias("is_no_decimal"),
        to_text("text").alias("kept"),
    )
    assert dict(frame.dtypes)["decimal"] == "decimal(18,4)"
    return {row["text"]: row.asDict() for row in frame.collect()}


@pytest.mark.parametrize("text", DECIMALS)
def test_to_decimal__any_text__plain_notation_or_null(typed, text):
    assert typed[text]["decimal"] == DECIMALS[text]


@pytest.mark.parametrize("text", DATES)
def test_to_date__any_text__a_day_or_null(typed, text):
    assert typed[text]["date"] == DATES[text]


@pytest.mark.parametrize("text", TIMES)
def test_to_utc__any_text__utc_or_null(typed, text):
    assert typed[text]["time"] == TIMES[text]


def test_to_utc__other_session_zone__same_moment(spark):
    frame = spark.createDataFrame([("2024-03-04 09:30:00",)], "text string")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        (row,) = frame.select(F.unix_timestamp(to_utc("text", "Asia/Shanghai")).alias("at")).collect()
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")
    assert row["at"] == 1709515800


def test_local_date__late_evening_utc__next_day_in_shanghai(typed):
    assert typed["2024-03-04T00:00:00.250"]["local"] == date(2024, 3, 4)
    assert typed["2024-10-21T09:30:01Z"]["local"] == date(2024, 10, 21)


def test_to_integer__sign_and_range__digits_only(typed):
    assert (typed["-3"]["integer"], typed["+7"]["integer"]) == (-3, 7)
    assert typed["9223372036854775808"]["integer"] is None
    assert typed["12.50"]["integer"] is None


def test_to_double__exponent__null(typed):
    assert typed["12.50"]["double"] == 12.5
    assert typed["1e3"]["double"] is None
    assert typed["NaN"]["double"] is None


def test_to_decimal__scale_zero__no_fraction(typed):
    assert typed["+7"]["whole_decimal"] == Decimal(7)
    assert typed["12.50"]["whole_decimal"] is None


def test_to_boolean__other_words__null(typed):
    assert [typed[text]["boolean"] for text in ("true", "FALSE", "yes", "1", "")] == [True, False, None, None, None]


def test_not_cast__empty_and_wrong__only_the_wrong_one(typed):
    wrong = {text for text, row in typed.items() if row["is_no_decimal"]}
    assert {"1e3", "1.23456", "yes", "2024-1-5"} <= wrong
    assert not wrong & {"", None, "  ", "12.50"}


def test_is_filled__blank_or_null__false(typed):
    assert [typed[text]["is_filled"] for text in ("", None, "  ", "1")] == [False, False, False, True]
    assert [typed[text]["kept"] for text in ("", None, "  ", " -0.1 ")] == [None, None, None, "-0.1"]
