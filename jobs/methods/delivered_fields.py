"""Delivered text columns to typed ones, with the rules that say what did not read.

A silver fact names its fields once; the typed columns and the rejecting rules both follow from that list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.methods.source_types import (
    is_filled,
    not_cast,
    to_boolean,
    to_date,
    to_decimal,
    to_integer,
    to_text,
    to_utc,
)
from jobs.methods.verdicts import Rule

TECHNICAL = ("_file", "_line", "_sequence", "_business_date", "_row_hash", "_withdrawn", "_delivered_on")
"""Columns every delivered row carries through."""
_TEXT_OF = "_text_"


@dataclass(frozen=True)
class Field:
    """One column of a feed.

    Attributes:
        name: the column's name in the feed and in silver.
        typed: the value read from the text; null where it does not read.
        noun: what a filled value that does not read is not, e.g. `a_number`; None where any text reads.
        required: an empty cell rejects the row.
        when_empty: what an empty cell of an optional field means; null unless given.
    """

    name: str
    typed: Column
    noun: str | None = None
    required: bool = True
    when_empty: Column | None = None


def text(name: str, *, required: bool = True, when_empty: str | None = None) -> Field:
    """Text without surrounding blanks."""
    return Field(name, to_text(name), None, required, None if when_empty is None else F.lit(when_empty))


def number(name: str, *, scale: int = 4, required: bool = True, when_empty: int | None = None) -> Field:
    """DECIMAL(18, scale)."""
    empty = None if when_empty is None else F.lit(when_empty).cast(f"decimal(18,{scale})")
    return Field(name, to_decimal(name, 18, scale), "a_number", required, empty)


def whole_number(name: str, *, required: bool = True) -> Field:
    """INT."""
    return Field(name, to_integer(name).try_cast("int"), "a_number", required)


def day(name: str, *, required: bool = True) -> Field:
    """DATE."""
    return Field(name, to_date(name), "a_date", required)


def moment(name: str, time_zone: str, *, required: bool = True) -> Field:
    """TIMESTAMP in UTC from a time local to `time_zone`."""
    return Field(name, to_utc(name, time_zone), "a_time", required)


def truth(name: str, *, required: bool = True) -> Field:
    """BOOLEAN."""
    return Field(name, to_boolean(name), "true_or_false", required)


def read_fields(rows: DataFrame, fields: Sequence[Field]) -> DataFrame:
    """`rows` with typed columns, their text kept under `_text_<name>` for the rules, and the technical columns."""
    typed = [
        (
            field.typed
            if field.when_empty is None
            else F.when(is_filled(field.name), field.typed).otherwise(field.when_empty)
        ).alias(field.name)
        for field in fields
    ]
    texts = [F.col(field.name).alias(_TEXT_OF + field.name) for field in fields]
    return rows.select(*typed, *texts, *TECHNICAL)


def reading_rules(fields: Sequence[Field]) -> list[Rule]:
    """Per field `<name>_missing` where it is required and `<name>_not_<noun>` where it has a type."""
    rules = []
    for field in fields:
        delivered = _TEXT_OF + field.name
        if field.required:
            rules.append(Rule(f"{field.name}_missing", ~is_filled(delivered)))
        if field.noun:
            rules.append(Rule(f"{field.name}_not_{field.noun}", not_cast(delivered, F.col(field.name))))
    return rules


def drop_texts(rows: DataFrame, fields: Sequence[Field]) -> DataFrame:
    """`rows` without the texts that `read_fields` kept."""
    return rows.drop(*[_TEXT_OF + field.name for field in fields])


def is_late() -> Column:
    """True for a row that may have a version in an earlier partition: late, or of a second delivery."""
    return (F.col("_business_date") < F.col("_delivered_on")) | (F.col("_sequence") > 1) | F.col("_withdrawn")
