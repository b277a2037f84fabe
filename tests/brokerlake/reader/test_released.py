from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import pytest

from brokerlake.errors import ReleaseError
from brokerlake.reader import open_release
from tests.brokerlake.reader.conftest import MONDAY, TUESDAY

LATEST = {"a1": Decimal("11.2500"), "a3": Decimal("33.0000"), "a4": Decimal("40.0000")}


def amounts(rows):
    return {row["fill_id"]: row["amount"] for row in rows}


def test_arrow__revisions_and_withdrawal__latest_known_row_of_each_key(lake):
    fills = open_release(lake.settings).arrow("silver.fills")
    assert amounts(fills.to_pylist()) == LATEST
    assert fills.column_names == ["fill_id", "revision", "amount", "trade_date"]


def test_arrow__older_release__as_it_was_published(lake):
    for asked in ({"number": 1}, {"night": MONDAY}):
        fills = open_release(lake.settings, **asked).arrow("silver.fills")
        assert amounts(fills.to_pylist()) == {
            "a1": Decimal("10.5"),
            "a2": Decimal(20),
            "a3": Decimal(30),
            "a4": Decimal(40),
        }


def test_arrow__unpublished_head__not_seen(lake):
    assert "a9" not in open_release(lake.settings).arrow("silver.fills")["fill_id"].to_pylist()


def test_other_libraries__same_rows(lake):
    released = open_release(lake.settings)
    assert amounts(released.pandas("silver.fills").to_dict("records")) == LATEST
    assert amounts(released.polars("silver.fills").to_dicts()) == LATEST
    rows = released.duckdb().execute("SELECT fill_id, amount FROM silver.fills").fetchall()
    assert dict(rows) == LATEST


@pytest.mark.smoke
@pytest.mark.spark
def test_spark__same_rows_and_columns_as_arrow(lake, spark):
    released = open_release(lake.settings)
    for name in released.readable:
        frame = released.spark(spark, name)
        arrow = released.arrow(name)
        assert frame.columns == arrow.column_names
        assert sorted(map(str, frame.toArrow().to_pylist())) == sorted(map(str, arrow.to_pylist()))


@pytest.mark.parametrize("name", ["bronze.fills", "vault.identities", "ops.rejected", "silver.nothing"])
def test_table__not_public__refused(lake, name):
    with pytest.raises(ReleaseError, match="not a public table of release 2"):
        open_release(lake.settings).arrow(name)


def test_tables__lists_description_rows_and_dates(lake):
    listed = {row["name"]: row for row in open_release(lake.settings).tables().to_pylist()}
    assert listed["silver.fills"] == {
        "name": "silver.fills",
        "description": "One row per fill_id and revision.",
        "rows": 3,
        "first_date": MONDAY,
        "last_date": MONDAY,
    }
    assert listed["gold.people"]["last_date"] == TUESDAY
    assert "it's said" in listed["gold.people"]["description"]


def test_history__every_release_and_which_one_this_is(lake):
    rows = open_release(lake.settings, number=1).duckdb().execute("FROM brokerlake.releases").fetchall()
    assert [(row[0], row[2], row[-1]) for row in rows] == [(1, MONDAY, True), (2, TUESDAY, False)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_parquet('{lake}/bronze/fills/*.parquet')",
        "SELECT * FROM delta_scan('{lake}/bronze/fills')",
        "SELECT * FROM delta_scan('{vault}/identities')",
        "SELECT * FROM read_text('{project}/data_catalog.yaml')",
        "COPY (SELECT 1) TO '{lake}/out.csv'",
        "ATTACH '{lake}/other.db'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "INSTALL httpfs",
    ],
)
def test_duckdb__anything_outside_the_public_tables__refused(lake, query):
    text = query.format(lake=lake.settings.lake, vault=lake.settings.vault, project=lake.settings.project)
    with pytest.raises(duckdb.Error):
        open_release(lake.settings).duckdb().execute(text).fetchall()


def test_open_release__unknown_number_or_night__says_which(lake):
    with pytest.raises(ReleaseError, match="number 7"):
        open_release(lake.settings, number=7)
    with pytest.raises(ReleaseError, match="2020-01-01"):
        open_release(lake.settings, night=date(2020, 1, 1))


def test_open_release__empty_lake__says_none_is_published(lake, tmp_path):
    with pytest.raises(ReleaseError, match="none is published"):
        open_release(tmp_path)
