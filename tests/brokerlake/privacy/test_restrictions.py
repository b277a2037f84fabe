"""What names a restricted person, and that SQL and Spark hide the same rows."""

from __future__ import annotations

import duckdb
import pytest

from brokerlake.catalog import contract_of
from brokerlake.privacy.restrictions import decide, hidden_rows, leave_out, restricted_customers
from brokerlake.settings import load_settings
from tests.conftest import PROJECT
from tests.rows import arrow_rows

HIDDEN = {"customer": frozenset({"C1", "O'Brien"}), "device": frozenset({"d1"}), "one_id": frozenset({"p1"})}
ROWS = {
    "silver.visits": [
        {"visit_id": f"v{at}", "customer_no": customer, "device_id": device}
        for at, (customer, device) in enumerate(
            [("C1", "d9"), ("C2", "d9"), (None, "d1"), (None, "d2"), ("O'Brien", "d2")]
        )
    ],
    "silver.party_days": [
        {"party_kind": kind, "party_id": party}
        for kind, party in [("customer", "C1"), ("device", "C1"), ("device", "d1"), ("customer", "C2")]
    ],
    "gold.rfm": [{"one_id": "p1"}, {"one_id": "p2"}],
    "silver.quotes": [{"product_id": "x"}],
}
SHOWN = {"silver.visits": 2, "silver.party_days": 2, "gold.rfm": 1, "silver.quotes": 1}


def test_restricted_customers__decided_back_and_forth__the_last_decision_counts(tmp_path):
    settings = load_settings(home=tmp_path, profile="local")
    assert restricted_customers(settings) == ()
    for customer, action in [("C1", "restrict"), ("C2", "restrict"), ("C1", "lift"), ("C3", "restrict")]:
        decide(settings, customer, action, "why")
    assert restricted_customers(settings) == ("C2", "C3")
    decide(settings, "C1", "restrict", "why")
    assert restricted_customers(settings) == ("C1", "C2", "C3")


@pytest.mark.parametrize("table", ROWS)
def test_hidden_rows__by_every_kind_of_column__true_for_the_persons_rows_alone(table):
    condition = hidden_rows(contract_of(PROJECT, table), HIDDEN)
    connection = duckdb.connect()
    connection.register("t", arrow_rows(table, ROWS[table]))
    (left,) = connection.execute(f"SELECT count(*) FROM t WHERE NOT ({condition or 'false'})").fetchone()
    assert left == SHOWN[table]


def test_hidden_rows__nobody_restricted__no_condition():
    assert hidden_rows(contract_of(PROJECT, "gold.rfm"), {}) is None


@pytest.mark.spark
@pytest.mark.parametrize("table", ROWS)
def test_leave_out__in_spark__leaves_what_sql_leaves(spark, table):
    frame = spark.createDataFrame(arrow_rows(table, ROWS[table]))
    assert leave_out(frame, contract_of(PROJECT, table), HIDDEN).count() == SHOWN[table]
