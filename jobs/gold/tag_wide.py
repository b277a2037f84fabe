"""gold.tag_wide: one row per person with at least one tag and as_of_date, one column per tag of conf/tags/.

Only the shape differs from gold.tag_values. The contract's columns are written by hand and a test holds them
equal to the tags' codes, so a new tag is a visible change of the contract.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.methods.tag_catalogue import read_tags


@dataclass(frozen=True)
class Params:
    """The table has no parameters."""


def build(*, tags: DataFrame, definitions: Sequence[Mapping[str, Any]], params: Params) -> DataFrame:
    """The tag values of the run's as-of dates side by side; null where a tag does not apply."""
    columns = [
        F.max(F.when(F.col("tag_code") == tag.code, F.col("value"))).alias(tag.code) for tag in read_tags(definitions)
    ]
    return tags.groupBy("one_id", "as_of_date").agg(F.count(F.lit(1)).alias("tag_count"), *columns)
