"""silver.ad_plans: one row per ad_plan_id and version, valid_from to valid_to (half-open).

Derived whole from the log of the newest night, so order of arrival cannot matter.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from jobs.methods.change_log import versions

KEY = ("ad_plan_id",)


@dataclass(frozen=True)
class Params:
    """No values: a version is what the log says."""


def build(*, changes: DataFrame, params: Params) -> DataFrame:
    """Every version that `changes`, the whole log known by the newest night, knows of."""
    return versions(changes, key=KEY)
