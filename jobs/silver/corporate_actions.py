"""silver.corporate_actions: one row per product_id, kind and ex_date as delivered: a dividend, bonus or split.

It is announced before it happens: a row is known from its delivery and counts from its ex_date.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.methods.delivered_fields import Field, day, drop_texts, is_late, read_fields, reading_rules, text
from jobs.methods.source_types import to_decimal
from jobs.methods.verdicts import judge, mark_repeats

KEY = ("product_id", "kind", "ex_date")


@dataclass(frozen=True)
class Params:
    """No values."""


def _part(name: str, scale: int) -> Field:
    """A part of the action that an empty cell says it does not have."""
    nothing = F.lit(0).cast(f"decimal(18,{scale})")
    return Field(name, to_decimal(name, 18, scale), "a_number", required=False, when_empty=nothing)


def action_fields() -> list[Field]:
    """The feed's columns and how their text reads."""
    return [
        text("product_id"),
        text("kind"),
        _part("ratio", 8),
        _part("cash_per_share", 6),
        day("ex_date"),
        day("record_date"),
        day("pay_date", required=False),
    ]


def build(*, corporate_actions: DataFrame, earlier: DataFrame, params: Params) -> DataFrame:
    """The actions delivered in the run's nights, each delivered row with its verdict."""
    fields = action_fields()
    judged = judge(read_fields(corporate_actions, fields), reading_rules(fields))
    return mark_repeats(drop_texts(judged, fields), key=KEY, earlier=earlier, is_late=is_late())
