from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import pytest

from brokerlake.catalog import contract_of
from tests.jobs.gold.independent import queries, tags
from tests.jobs.gold.independent.compare import compare, differences, same
from tests.jobs.gold.people import PROJECT

AS_OF, KNOWN_ON = date(2024, 3, 4), date(2024, 5, 31)
SILVER = (
    "calendar", "customer_changes", "account_changes", "adviser_book_changes", "adviser_changes", "branch_changes",
    "quotes", "executions", "orders", "cash_flows", "security_movements", "positions", "balances", "logins", "contacts",
    "events", "identity_map",
)  # fmt: skip


def names(table: str) -> list[str]:
    return [column.name for column in contract_of(PROJECT, table).columns]


QUERIES = {
    "gold.rfm": queries.rfm(AS_OF),
    "gold.clv_features": queries.clv_features(AS_OF),
    "gold.churn_features": queries.churn_features(AS_OF),
    "gold.churn_labels": queries.churn_labels(AS_OF, KNOWN_ON),
    "gold.customer_360": queries.customer_360(AS_OF, names("gold.customer_360")),
    "gold.tag_values": tags.tag_values(AS_OF),
    "gold.tag_wide": tags.tag_wide(AS_OF),
}


@pytest.fixture
def lake():
    """Empty silver tables as the contracts have them, and one trading day."""
    connection = duckdb.connect()
    for table in SILVER:
        columns = contract_of(PROJECT, f"silver.{table}").columns
        types = {"string": "varchar", "array<string>": "varchar[]"}
        body = ", ".join(f'"{c.name}" {types.get(c.type, c.type)}' for c in columns)
        connection.execute(f"CREATE TABLE silver_{table} ({body})")
    connection.execute(
        "INSERT INTO silver_calendar (calendar, natural_date, is_trading_day, trading_day_number) "
        "SELECT 'XSHG', d::DATE, true, row_number() OVER (ORDER BY d) FROM range(DATE '2023-01-01', DATE '2024-06-30', "
        "INTERVAL 1 DAY) t(d)"
    )
    yield connection
    connection.close()


def add(lake, table: str, **values):
    technical = {"_delivered_on": "2024-03-04", "_business_date": "2024-03-04", "_sequence": 1, "_withdrawn": False}
    known = set(names(f"silver.{table}"))
    row = {**{name: value for name, value in technical.items() if name in known}, **values}
    marks = ", ".join("?" for _ in row)
    lake.execute(f"INSERT INTO silver_{table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def add_person(lake, number: int):
    no = f"c{number}"
    add(lake, "customer_changes", customer_no=no, effective_date="2024-01-02", change_sequence=1, is_deleted=False)
    add(lake, "identity_map", identifier_kind="customer", identifier=no, one_id=f"p_{number}", valid_from="2024-01-02",
        is_closed=False)  # fmt: skip
    add(lake, "account_changes", account_id=f"a{number}", customer_no=no, account_kind="cash", opened_on="2024-01-02",
        status="open", effective_date="2024-01-02", change_sequence=1, is_deleted=False)  # fmt: skip


def add_trade(lake, number: int, trade_id: str, day: str, revenue: int, **values):
    row = {"revision": 0, "product_line": "stock", "business_kind": "buy", "amount": 100, "commission": revenue,
           "net_revenue_amount": revenue, "is_busted": False, "is_customer_initiated": True}  # fmt: skip
    add(lake, "executions", execution_id=trade_id, customer_no=f"c{number}", trade_date=day, **{**row, **values})


@pytest.mark.parametrize("table", sorted(QUERIES))
def test_query__over_an_empty_lake__has_the_contracts_columns(lake, table):
    result = lake.execute(QUERIES[table])
    wanted = [name for name in names(table) if name not in ("tags",) or table != "gold.customer_360"]
    if table == "gold.tag_values":
        wanted = [name for name in wanted if name not in ("evidence",)]
    assert sorted(item[0] for item in result.description) == sorted(wanted)
    assert result.fetchall() == []


def test_queries__three_people_with_trades__give_what_a_hand_counts(lake):
    for number in (1, 2, 3):
        add_person(lake, number)
    add_trade(lake, 1, "e1", "2024-03-04", 5)
    add_trade(lake, 1, "e2", "2024-03-01", 6)
    add_trade(lake, 1, "e2", "2024-03-01", 8, revision=1)
    add_trade(lake, 2, "e3", "2024-02-28", 7)
    add_trade(lake, 2, "e4", "2024-03-02", 9, is_busted=True)
    add_trade(lake, 3, "e5", "2024-03-02", 9, is_customer_initiated=False)
    add_trade(lake, 3, "e6", "2024-03-04", 9, _delivered_on="2024-03-05")
    cells = lake.execute(f"SELECT one_id, rfm_cell, monetary_amount FROM ({QUERIES['gold.rfm']}) ORDER BY 1").fetchall()
    assert cells == [("p_1", "333", Decimal(13)), ("p_2", "111", Decimal(7)), ("p_3", None, Decimal(9))]
    clv = lake.execute(
        "SELECT one_id, frequency, recency_trading_days, age_trading_days, net_revenue_per_trade_day_amount "
        f"FROM ({QUERIES['gold.clv_features']}) ORDER BY 1"
    ).fetchall()
    assert [tuple(None if v is None else float(v) for v in row[1:]) for row in clv] == [
        (1, 3, 3, 6.5),
        (0, 0, 5, 7.0),
        (None, None, None, None),
    ]
    status = f"SELECT one_id, customer_status, trade_count_20td FROM ({QUERIES['gold.customer_360']}) ORDER BY 1"
    assert lake.execute(status).fetchall() == [("p_1", "open", 2), ("p_2", "open", 1), ("p_3", "open", 0)]


def test_churn_labels__closed_ahead__is_told(lake):
    add_person(lake, 1)
    add_person(lake, 2)
    add(lake, "account_changes", account_id="a1", customer_no="c1", status="closed", closed_on="2024-04-01",
        effective_date="2024-04-01", change_sequence=2, is_deleted=False, _delivered_on="2024-04-01")  # fmt: skip
    found = lake.execute(f"SELECT one_id, churn_kind, churned_on FROM ({QUERIES['gold.churn_labels']}) ORDER BY 1")
    assert found.fetchall() == [("p_1", "accounts_closed", date(2024, 4, 1)), ("p_2", None, None)]


def test_same__numbers_nulls_and_text__by_kind():
    assert same(1.0, 1.0 + 5e-10) and not same(1.0, 1.0 + 5e-9)
    assert same(Decimal("1.10"), Decimal("1.1")) and not same(Decimal("1.1"), Decimal("1.1001"))
    assert same(None, None) and not same(None, 0) and not same("a", "b")


def test_differences__missing_twice_and_changed_rows__are_named(lake):
    one = {"k": 1, "v": 1}
    found = differences(
        [one, one, {"k": 2, "v": 2}, {"k": 4, "v": 4}], [one, {"k": 2, "v": 3}, {"k": 3, "v": 3}], ["k"], ["v"]
    )
    assert found == [
        "(1,): twice in the table",
        "(2,): v is 2 in the table, 3 in the query",
        "(3,): not in the table",
        "(4,): not in the query",
    ]
    assert compare(lake, "SELECT 1 AS k WHERE false", "SELECT 1 AS k", ["k"], ["k"]) == ["the table has no rows"]
    assert compare(lake, "SELECT 1 AS k", "SELECT 1 AS k", ["k"], ["k"]) == []
