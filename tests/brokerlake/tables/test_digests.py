"""The digest says whether content is equal, whatever the order, and nothing else."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from brokerlake.catalog import contract_of
from brokerlake.tables.digests import measure
from tests.conftest import PROJECT
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE = "silver.cash_flows"
DAY = date(2024, 3, 4)
GOOD = {"flow_id": "a", "amount": "10.50", "flow_date": DAY, "_delivered_on": DAY}


def _measure(spark, *values):
    return measure(rows(spark, TABLE, values), contract_of(PROJECT, TABLE))[DAY]


def test_measure__other_order__same_digest(spark):
    other = {**GOOD, "flow_id": "b"}
    assert _measure(spark, GOOD, other).digest == _measure(spark, other, GOOD).digest


def test_measure__technical_columns__do_not_count(spark):
    assert _measure(spark, GOOD).digest == _measure(spark, {**GOOD, "_file": "elsewhere", "_line": 77}).digest


@pytest.mark.parametrize("change", [{"amount": "10.51"}, {"flow_id": "b"}, {"bank": "b"}, {"kind": None}])
def test_measure__other_content__other_digest(spark, change):
    assert _measure(spark, GOOD).digest != _measure(spark, {**GOOD, **change}).digest


def test_measure__null_in_another_column__other_digest(spark):
    one = _measure(spark, {**GOOD, "bank": "q", "verified_by": None})
    two = _measure(spark, {**GOOD, "bank": None, "verified_by": "q"})
    assert one.digest != two.digest


def test_measure__repeated_key_and_null__are_counted(spark):
    found = _measure(spark, GOOD, GOOD, {**GOOD, "flow_id": "c", "kind": None})
    assert (found.row_count, found.distinct_keys, found.nulls["kind"]) == (3, 2, 1)
    assert found.sums["amount"] == Decimal("31.5")
