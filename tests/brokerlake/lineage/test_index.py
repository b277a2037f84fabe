"""docs/tables.md tells the catalogue, and what it tells is right."""

from __future__ import annotations

import pytest

from brokerlake.catalog import Catalogue, Column, Contract, load_catalogue
from brokerlake.lineage.index import PAGE, project_index, table_index
from tests.conftest import PROJECT

CATALOGUE = """
groups: [first, second, third]
tables:
  bronze.fills: {owner: trading, impact: tier_1, group: first}
  silver.trades:
    owner: trading
    impact: tier_2
    group: second
    public: true
    inputs:
      fills: {table: bronze.fills, dates: run}
      earlier: {table: silver.trades, dates: earlier}
      plan: {conf: fees}
  gold.sums:
    owner: value
    impact: tier_3
    group: third
    write: replace_all
    readers: [desk]
    inputs:
      fills: {table: bronze.fills, dates: known, optional: true}
      trades: {table: silver.trades, dates: {trading_days_back: 20}}
"""


@pytest.fixture
def small(tmp_path) -> Catalogue:
    file = tmp_path / "data_catalog.yaml"
    file.write_text(CATALOGUE, encoding="utf-8")
    return load_catalogue(file)


def contract(table: str, description: str) -> Contract:
    return Contract(table, description, (Column("a", "string", True, "a", "1/none"),), ("a",), None, {})


@pytest.fixture
def page(small) -> str:
    grains = {name: contract(name, f"One row per {name} | day: as is. More text.") for name in small.order}
    return table_index(small, grains)


def line_of(page: str, section: str, table: str) -> str:
    (line,) = [line for line in page.partition(section)[2].splitlines() if line.startswith(f"| {table}")][:1]
    return line


def test_page__of_this_project__is_the_generated_one():
    written = (PROJECT / PAGE).read_text(encoding="utf-8")
    assert written == project_index(PROJECT), "run: python -m brokerlake.lineage.index"


def test_index__table__stands_in_its_layer_with_grain_owner_and_readers(page):
    line = line_of(page, "## Gold (1)", "[`gold.sums`](../contracts/gold/sums.yaml)")
    cells = [cell.strip() for cell in line.replace("\\|", "/").split("|")[2:-1]]
    assert cells == ["gold.sums / day: as is", "value", "3", "third", "replace all", "desk"]


def test_index__table_without_named_reader__is_read_by_what_is_made_from_it(page):
    assert line_of(page, "## Silver", "[`silver.trades`]").endswith("| readers of the release, `gold.sums` |")
    assert line_of(page, "## Bronze", "[`bronze.fills`]").endswith("| `silver.trades`, `gold.sums` |")


def test_index__sources__name_cut_file_and_feeds(page):
    section = "## What each is made from"
    silver = line_of(page, section, "`silver.trades`")
    assert "`bronze.fills` (run); `silver.trades` (earlier); `conf/fees` | fills |" in silver
    gold = line_of(page, section, "`gold.sums`")
    assert "`bronze.fills` (known, optional); `silver.trades` (trading_days_back 20) | fills |" in gold


def test_index__pictures__leave_out_edges_a_longer_path_implies(page):
    groups = page.partition("## Tasks")[2].partition("## Pictures")[0]
    assert "first --> second" in groups
    assert "second --> third" in groups
    assert "first --> third" not in groups
    assert 'silver_trades["silver.trades"] -- "trading_days_back 20" --> gold_sums["gold.sums"]' in page
