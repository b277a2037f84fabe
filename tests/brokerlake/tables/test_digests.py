"""The digest says whether content is equal, whatever the order, and nothing else."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from brokerlake.catalog import contract_of
from brokerlake.tables import delta_files
from brokerlake.tables.digests import Measured, measure
from tests.conftest import PROJECT
from tests.rows import arrow_rows

TABLE = "silver.cash_flows"
DAY, NEXT_DAY = date(2024, 3, 4), date(2024, 3, 5)
GOOD = {"flow_id": "a", "amount": "10.50", "flow_date": DAY, "_delivered_on": DAY}


@pytest.fixture
def measured(tmp_path):
    """Writes rows as a table of its own and measures them."""
    counter = iter(range(100))

    def written(*values) -> dict[date, Measured]:
        path, contract = tmp_path / str(next(counter)), contract_of(PROJECT, TABLE)
        delta_files.create(path, contract)
        version = delta_files.append(path, arrow_rows(TABLE, values), {})
        return measure(path, version, contract, [DAY, NEXT_DAY])

    return written


def test_measure__other_order__same_digest(measured):
    other = {**GOOD, "flow_id": "b"}
    assert measured(GOOD, other)[DAY].digest == measured(other, GOOD)[DAY].digest


def test_measure__technical_columns__do_not_count(measured):
    assert measured(GOOD)[DAY].digest == measured({**GOOD, "_file": "elsewhere", "_line": 77})[DAY].digest


@pytest.mark.parametrize("change", [{"amount": "10.51"}, {"flow_id": "b"}, {"bank": "b"}, {"kind": None}])
def test_measure__other_content__other_digest(measured, change):
    assert measured(GOOD)[DAY].digest != measured({**GOOD, **change})[DAY].digest


def test_measure__null_in_another_column__other_digest(measured):
    one = measured({**GOOD, "bank": "q", "verified_by": None})[DAY]
    two = measured({**GOOD, "bank": None, "verified_by": "q"})[DAY]
    assert one.digest != two.digest


def test_measure__repeated_key_and_null__are_counted(measured):
    found = measured(GOOD, GOOD, {**GOOD, "flow_id": "c", "kind": None})[DAY]
    assert (found.row_count, found.distinct_keys, found.nulls["kind"]) == (3, 2, 1)
    assert found.sums["amount"] == Decimal("31.5")


def test_measure__several_dates__each_on_its_own_and_others_left_out(measured):
    later = {**GOOD, "_delivered_on": NEXT_DAY}
    other = {**GOOD, "_delivered_on": date(2024, 3, 6)}
    found = measured(GOOD, later, other)
    assert set(found) == {DAY, NEXT_DAY}
    assert found[DAY] == measured(GOOD)[DAY]


def test_measure__double_beyond_nine_digits__same_digest(tmp_path):
    contract = contract_of(PROJECT, "silver.products")

    def digest(name: str, rate: float) -> str:
        delta_files.create(tmp_path / name, contract)
        version = delta_files.append(tmp_path / name, arrow_rows("silver.products", [{"trail_fee_rate": rate}]), {})
        return measure(tmp_path / name, version, contract, [DAY])[DAY].digest

    assert digest("a", 0.0123456789) == digest("b", 0.01234567890001)
    assert digest("c", 0.0123456789) != digest("d", 0.0123456)
