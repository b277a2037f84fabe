"""gold.rfm: one row per person per as_of_date.

Only people with a trade in the last 250 trading days are scored against each other; the others are `inactive`, with
no scores. Recency is scored the other way round: the fewer days, the higher.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.methods.people import list_people
from jobs.methods.rfm import level_letters, score_quintiles

KEY = ["one_id", "as_of_date"]


@dataclass(frozen=True)
class Params:
    """Values: conf/base.yaml.

    Attributes:
        high_from: the score that counts as high.
        classes: class name by three letters, H or L, for recency, frequency and monetary.
        definition_version: goes up when a value above changes.
    """

    high_from: int
    classes: Mapping[str, str]
    definition_version: str


def name_class(letters: Column, classes: Mapping[str, str]) -> Column:
    """The class of three letters; `inactive` where there are none."""
    named = F.when(letters.isNull(), F.lit("inactive"))
    for key, name in sorted(classes.items()):
        named = named.when(letters == key, F.lit(name))
    return named


def build(*, customers: DataFrame, windows: DataFrame, identity_map: DataFrame, params: Params) -> DataFrame:
    """The customers of the run's as-of dates with recency, frequency, monetary, scores and class."""
    measured = windows.select(
        *KEY,
        F.col("trading_days_since_last_trade").alias("recency_trading_days"),
        F.col("trading_days_with_trades_250td").alias("frequency_trading_days"),
        F.col("net_revenue_amount_250td").alias("monetary_amount"),
    )
    people = list_people(customers, identity_map).select(*KEY)
    base = people.join(measured, on=KEY, how="left").fillna(0, subset=["frequency_trading_days", "monetary_amount"])
    active = F.coalesce(F.col("frequency_trading_days") > 0, F.lit(False))
    parts = ("as_of_date", active)

    def scored(value: Column) -> Column:
        return F.when(active, score_quintiles(value, *parts))

    frame = base.select(
        "*",
        scored(-F.col("recency_trading_days")).alias("recency_score"),
        scored(F.col("frequency_trading_days")).alias("frequency_score"),
        scored(F.col("monetary_amount")).alias("monetary_score"),
    )
    scores = [F.col(f"{name}_score") for name in ("recency", "frequency", "monetary")]
    letters = F.when(F.col("recency_score").isNotNull(), level_letters(scores, params.high_from))
    return frame.select(
        "*",
        F.concat(*[score.cast("string") for score in scores]).alias("rfm_cell"),
        name_class(letters, params.classes).alias("rfm_class"),
        F.lit(params.definition_version).alias("definition_version"),
    )
