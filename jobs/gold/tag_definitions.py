"""gold.tag_definitions: one row per tag, as conf/tags/ defines it on the newest night.

The records are no table, so the calendar's first row carries them into a frame: a build makes no session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.methods.tag_catalogue import Tag, read_tags

_TEXTS = ("name", "owner", "department", "kind", "definition", "refresh", "sensitivity", "rule_text", "rule_hash")
RECORDS = f"array<struct<tag_code: string, tag_version: int, validity_days: int, {': string, '.join(_TEXTS)}: string>>"


@dataclass(frozen=True)
class Params:
    """The table has no parameters."""


def describe_tag(tag: Tag) -> Column:
    """The tag's record as a struct of literals."""
    return F.struct(
        F.lit(tag.code).alias("tag_code"),
        F.lit(tag.version).alias("tag_version"),
        F.lit(tag.validity_days).alias("validity_days"),
        *[F.lit(getattr(tag, name)).alias(name) for name in _TEXTS],
    )


def build(*, calendar: DataFrame, definitions: Sequence[Mapping[str, Any]], params: Params) -> DataFrame:
    """All tags; raises TagRuleError for a broken record or a code that stands twice."""
    records = F.array(*[describe_tag(tag) for tag in read_tags(definitions)]).cast(RECORDS)
    return calendar.limit(1).select(F.explode(records).alias("tag")).select("tag.*")
