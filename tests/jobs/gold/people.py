"""A few people as gold jobs get them: CRM rows and identity map as of each date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pyspark.sql import DataFrame, SparkSession

from brokerlake.catalog import contract_of
from brokerlake.settings import load_settings
from tests.rows import rows

PROJECT = Path(__file__).resolve().parents[3]
DATES = {"as_of_date": "date"}
LABEL_DATES = {"as_of_date": "date", "known_on": "date"}
ONE, TWO = "2024-03-04", "2024-03-05"


def customers(spark: SparkSession, values: Sequence[Mapping[str, Any]], dates: Mapping[str, str] = DATES) -> DataFrame:
    """CRM rows as of their date."""
    return rows(spark, "silver.customer_changes", values, extra=dates)


def identity_map(
    spark: SparkSession, owners: Mapping[str, str], days: Sequence[Mapping[str, str]], kind: str = "customer"
) -> DataFrame:
    """identifier -> one_id on each of the `days` (as_of_date, perhaps known_on)."""
    values = [
        {"identifier_kind": kind, "identifier": identifier, "one_id": one_id, **day}
        for identifier, one_id in owners.items()
        for day in days
    ]
    extra = LABEL_DATES if any("known_on" in day for day in days) else DATES
    return rows(spark, "silver.identity_map", values, extra=extra)


def parameters(table: str) -> dict[str, Any]:
    """What conf/base.yaml gives the table."""
    return load_settings(profile="local").parameters(table)


def tag_records() -> list[dict[str, Any]]:
    """All records of conf/tags."""
    return [r for path in sorted(PROJECT.glob("conf/tags/*.yaml")) for r in yaml.safe_load(path.read_text("utf-8"))]


def fit(frame: DataFrame, table: str) -> DataFrame:
    """The contract's columns in order; fails as the runner does when a type differs or a column is missing."""
    columns = contract_of(PROJECT, table).columns
    found = dict(frame.dtypes)
    wrong = {c.name: (found.get(c.name), c.type) for c in columns if found.get(c.name) != c.type}
    assert not wrong, f"{table}: {wrong}"
    return frame.select(*[c.name for c in columns])


def missing_required(frame: DataFrame, table: str) -> list[str]:
    """Required columns with a null somewhere."""
    found = frame.collect()
    columns = contract_of(PROJECT, table).columns
    return [c.name for c in columns if c.required and any(row[c.name] is None for row in found)]
