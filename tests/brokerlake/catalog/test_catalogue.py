"""The catalogue: order, edges and the tables that a set of feeds allows all derive from inputs."""

from __future__ import annotations

import pytest

from brokerlake.catalog import load_catalogue
from brokerlake.errors import ConfigurationError
from tests.conftest import PROJECT

YOUNG_FIRM = ("trading_accounts", "crm_customers", "trading_executions")


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue(PROJECT / "data_catalog.yaml")


def test_order__every_table__stands_behind_its_sources(catalogue):
    place = {name: at for at, name in enumerate(catalogue.order)}
    assert all(place[source] < place[name] for name in place for source in catalogue[name].sources)


def test_groups__edges__form_no_cycle(catalogue):
    place = {group: at for at, group in enumerate(catalogue.groups)}
    assert all(place[above] < place[below] for above, below in catalogue.group_edges)


def test_restrict_to_feeds__young_firm__keeps_what_needs_nothing_more(catalogue):
    kept = catalogue.restrict_to_feeds(YOUNG_FIRM).tables
    assert {"silver.executions", "silver.party_days", "gold.customer_360", "gold.rfm"} <= set(kept)
    assert not {"silver.cash_flows", "silver.events", "silver.positions", "bronze.web_events"} & set(kept)


def test_restrict_to_tables__named__keeps_them_and_what_they_need(catalogue):
    kept = catalogue.restrict_to_tables(["silver.customers", "silver.executions"]).tables
    needed = {"crm_customers", "trading_executions", "trading_accounts"}
    assert set(kept) == {f"bronze.{feed}" for feed in needed} | {
        "silver.customer_changes", "silver.customers", "silver.account_changes", "silver.executions",
    }  # fmt: skip
    assert [name for name in catalogue.tables if name in kept] == list(kept)


def test_restrict_to_tables__unknown_name__is_refused_with_it(catalogue):
    with pytest.raises(ConfigurationError, match="tables: gold.nothing: not in data_catalog.yaml"):
        catalogue.restrict_to_tables(["gold.nothing"])


def test_downstream__of_a_fact__reaches_gold(catalogue):
    below = catalogue.downstream("silver.executions")
    assert "gold.customer_360" in below
    assert "silver.customer_changes" not in below


def _write(tmp_path, text):
    path = tmp_path / "data_catalog.yaml"
    path.write_text(text, encoding="utf-8")
    return path


HEAD = "groups: [g]\ntables:\n"
ONE = "  silver.a: {owner: o, impact: tier_1, group: g, inputs: {x: {table: %s, dates: %s}}}\n"

NARROW = "  silver.a: {owner: o, impact: tier_1, group: g, log: %s, inputs: {x: {table: silver.a, %s}}}\n"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (HEAD + ONE % ("silver.b", "run"), "no table silver.b"),
        (HEAD + ONE % ("silver.a", "whenever"), "is no kind of date"),
        (HEAD + NARROW % ("{key: [k]}", "dates: run, latest: true"), "are for earlier rows"),
        (HEAD + NARROW % ("null", "dates: earlier, latest: true"), "silver.a has no log"),
        (HEAD + NARROW % ("{key: [k]}", "dates: earlier, keys_of: y"), "the input with the rows of the run"),
        (
            HEAD + NARROW % ("{key: [k]}", "dates: {days_back: 3}, once: true"),
            "once is for days back of a table without a log",
        ),
        (HEAD + NARROW % ("null", "dates: as_of, once: true"), "once is for days back"),
        (HEAD + "  gold.a: {owner: o, impact: tier_1, group: g}\n", "needs a named reader"),
        (HEAD + "  silver.a: {owner: o, impact: tier_9, group: g}\n", "impact must be one of"),
        (HEAD + "  silver.a: {owner: o, impact: tier_1, group: h}\n", "group h is not listed"),
        (HEAD + "  silver.a: [\n", "not valid YAML"),
    ],
)
def test_load_catalogue__wrong_entry__is_refused_with_its_name(tmp_path, text, cause):
    with pytest.raises(ConfigurationError, match=cause):
        load_catalogue(_write(tmp_path, text))


def test_order__tables_that_feed_each_other__are_refused(tmp_path):
    two = ONE % ("silver.b", "run") + ONE.replace("silver.a:", "silver.b:") % ("silver.a", "run")
    with pytest.raises(ConfigurationError, match="feed each other"):
        _ = load_catalogue(_write(tmp_path, HEAD + two)).order
