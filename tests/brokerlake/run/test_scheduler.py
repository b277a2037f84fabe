"""Tables run as soon as their sources are done, several at a time, and stop at the first error."""

from __future__ import annotations

import threading

import pytest

from brokerlake.catalog import Input, Table
from brokerlake.run.scheduler import chains_behind, run_in_order


def _table(name: str, *sources: str) -> Table:
    inputs = tuple(Input(source.partition(".")[2], source, "run") for source in sources)
    return Table(name, "o", "tier_1", "g", "daily", "per_range", "replace_dates", False, (), inputs, None, None)


TABLES = [_table("silver.c", "silver.a", "silver.b"), _table("silver.a"), _table("silver.b", "silver.a")]


def test_run_in_order__chain__runs_sources_first():
    ran = []
    run_in_order(TABLES, lambda table: ran.append(table.name), 3)
    assert ran == ["silver.a", "silver.b", "silver.c"]


def test_run_in_order__one_at_a_time__the_longest_chain_goes_first():
    ran = []
    run_in_order([_table("silver.leaf"), *TABLES], lambda table: ran.append(table.name), 1)
    assert ran == ["silver.a", "silver.b", "silver.leaf", "silver.c"]


def test_chains_behind__tables__count_the_readers_in_the_longest_chain():
    found = chains_behind([_table("silver.leaf"), *TABLES])
    assert found == {"silver.leaf": 0, "silver.a": 2, "silver.b": 1, "silver.c": 0}


def test_run_in_order__source_outside_the_list__counts_as_done():
    ran = []
    run_in_order([_table("silver.z", "silver.elsewhere")], lambda table: ran.append(table.name), 1)
    assert ran == ["silver.z"]


def test_run_in_order__independent_tables__run_at_the_same_time():
    both = threading.Barrier(2, timeout=10)
    run_in_order([_table("silver.a"), _table("silver.b")], lambda table: both.wait() and None, 2)


def test_run_in_order__error__stops_what_stands_behind_it():
    ran = []

    def step(table: Table) -> None:
        if table.name == "silver.b":
            raise ValueError("broken")
        ran.append(table.name)

    with pytest.raises(ValueError, match="broken"):
        run_in_order(TABLES, step, 2)
    assert ran == ["silver.a"]
