from __future__ import annotations

from textwrap import dedent

import pytest

from brokerlake.catalog import Catalogue, load_catalogue
from brokerlake.schedule.groups import night_edges, night_tasks, public_gold, reduce_edges

CATALOGUE = """
groups: [landing, raw, people, trading, marts, publish, report]
tables:
  bronze.fills: {owner: trading, impact: tier_2, group: raw}
  bronze.calls: {owner: service, impact: tier_1, group: raw}
  silver.people: {owner: crm, impact: tier_2, group: people, inputs: {calls: {table: bronze.calls, dates: run}}}
  silver.fills:
    owner: trading
    impact: tier_1
    group: trading
    inputs: {fills: {table: bronze.fills, dates: run}}
  gold.value:
    owner: value
    impact: tier_3
    group: marts
    public: true
    readers: [analysts]
    inputs: {fills: {table: silver.fills, dates: run}, people: {table: silver.people, dates: run, optional: true}}
"""


@pytest.fixture
def catalogue(tmp_path) -> Catalogue:
    (tmp_path / "data_catalog.yaml").write_text(dedent(CATALOGUE))
    return load_catalogue(tmp_path / "data_catalog.yaml")


def test_reduce_edges__longer_path_exists__short_cut_dropped():
    assert reduce_edges([("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")]) == [("a", "b"), ("a", "d"), ("b", "c")]


def test_night_edges__catalogue__landing_first_publish_and_report_last(catalogue):
    assert night_edges(catalogue) == [
        ("landing", "raw"),
        ("marts", "publish"),
        ("people", "marts"),
        ("publish", "report"),
        ("raw", "people"),
        ("raw", "trading"),
        ("trading", "marts"),
    ]


def test_night_tasks__feed_not_configured__its_group_is_left_out(catalogue):
    tasks = {task.name: task for task in night_tasks(catalogue.restrict_to_feeds(["fills"]))}
    assert list(tasks) == ["landing", "raw", "trading", "marts", "publish", "report"]
    assert tasks["marts"].upstream == ("trading",)


def test_night_tasks__owner_and_impact__all_owners_highest_tier(catalogue):
    raw = next(task for task in night_tasks(catalogue) if task.name == "raw")
    assert (raw.owner, raw.impact) == ("service, trading", "tier_1")
    assert "| bronze.fills | trading | tier_2 |" in raw.text
    assert "call now" in raw.text


def test_public_gold__only_public_tables_of_gold(catalogue):
    assert [table.name for table in public_gold(catalogue)] == ["gold.value"]
