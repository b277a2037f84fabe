from __future__ import annotations

import pytest

from brokerlake.reader import open_release
from brokerlake.reader.queries import QueryError, run_query


@pytest.fixture
def connection(lake):
    return open_release(lake.settings).duckdb()


def test_run_query__several_statements__rows_of_the_last(connection):
    made = run_query(connection, "CREATE TEMP TABLE t AS SELECT 2 AS x; SELECT x + 1 AS y FROM t")
    assert made.to_pylist() == [{"y": 3}]


@pytest.mark.parametrize("text", ["SHOW TABLES", " show all tables ; "])
def test_run_query__show_tables__descriptions_too(connection, text):
    made = run_query(connection, text)
    assert made["name"].to_pylist() == ["gold.people", "silver.fills"]
    assert made["description"][1].as_py() == "One row per fill_id and revision."


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("COPY gold.people TO 'x.csv'", "COPY is not possible"),
        ("EXPORT DATABASE 'x'", "EXPORT is not possible"),
        ("SELECT * FROM delta_scan('x')", r"delta_scan\(\) reads files"),
        ("SELECT 1; SELECT * FROM Read_CSV ('x')", r"Read_CSV\(\) reads files"),
        ("SELECT nothing FROM gold.people", "nothing"),
        ("SELECT", "sql:"),
        (" ", "empty"),
    ],
)
def test_run_query__forbidden_or_wrong__one_line(connection, text, cause):
    with pytest.raises(QueryError, match=cause) as caught:
        run_query(connection, text)
    assert "\n" not in str(caught.value)


def test_run_query__a_call_inside_a_literal__is_text(connection):
    assert run_query(connection, "SELECT 'read_csv(' AS x").to_pylist() == [{"x": "read_csv("}]
