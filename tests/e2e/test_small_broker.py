"""A small broker from landing to release, by the real runner: content, totals, privacy, readers."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

from brokerlake.lake import Lake
from brokerlake.reader import open_release
from brokerlake.release.releases import current_release, read_releases
from brokerlake.reports.steward import report_path
from brokerlake.tables import ops
from tests.e2e import canary, nights
from tests.jobs.gold.independent import queries, tags
from tests.jobs.gold.independent.compare import compare
from tests.security.another_account import is_closed, needs_root, seen_by_another

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_broker")]


def test_night__published__holds_every_public_table_and_its_checks(broker):
    lake, days = broker
    release = current_release(lake.settings)
    assert release is not None and release.night == days[-1]
    assert set(release.public) == set(lake.catalogue.public)
    results = ops.read_ops(lake.settings, "quality_results")
    tonight = results.filter(pc.equal(results["run_id"], release.run_id))
    names = set(zip(tonight["table_name"].to_pylist(), tonight["rule_id"].to_pylist(), strict=True))
    assert len(names) >= 100


def test_totals__of_every_night__reconcile_to_the_row_and_the_cent(broker):
    lake, _ = broker
    totals = ops.read_ops(lake.settings, "control_totals").to_pylist()
    assert {row["step"] for row in totals} >= {"bronze", "silver", "gold"}
    assert [row for row in totals if row["difference"]] == []
    manifests = ops.read_ops(lake.settings, "manifests").to_pylist()
    for night in {row["night"] for row in manifests}:
        promised = sum(row["rows"] for row in manifests if row["night"] == night and not row["is_superseded"])
        came_in = sum(
            row["came_in"] for row in totals
            if row["night"] == night and row["step"] == "bronze" and row["measure"] == "rows"
        )  # fmt: skip
        assert came_in == promised


def test_night__run_again__changes_nothing_and_publishes_nothing(broker):
    lake, days = broker
    before, count = nights.content(lake), len(read_releases(lake.settings))
    nights.night(lake, days[-1])
    assert nights.content(lake) == before
    assert len(read_releases(lake.settings)) == count


@pytest.mark.parametrize("table", ["rfm", "clv_features", "churn_features", "customer_360", "tag_values", "tag_wide"])
def test_gold__of_the_night__equals_its_independent_query(broker, table):
    lake, days = broker
    release = open_release(lake.settings)
    connection, as_of = _facts(lake), days[-1]
    names = [column.name for column in lake.contract(f"gold.{table}").columns]
    if table == "customer_360":
        connection.register("gold_tag_values", release.arrow("gold.tag_values"))
        query = queries.customer_360(as_of, names)
    else:
        query = (tags if table.startswith("tag_") else queries).__dict__[table](as_of)
    connection.register(f"gold_{table}", release.arrow(f"gold.{table}"))
    compared = [name for name in names if name not in ("evidence", "tags")]
    key = list(lake.contract(f"gold.{table}").key)
    mine = f"SELECT * FROM gold_{table} WHERE as_of_date = DATE '{as_of}'"
    assert compare(connection, mine, query, key, compared) == []


def _facts(lake: Lake):
    """DuckDB with every silver table of the release as `silver_<name>`, all versions of a row."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    release = current_release(lake.settings)
    assert release is not None
    for name, version in release.vector.items():
        if name.startswith("silver."):
            table = DeltaTable(lake.settings.table_path(name), version=version).to_pyarrow_table()
            connection.register(name.replace(".", "_"), table)
    return connection


def test_public_tables__read_by_deltalake_duckdb_and_spark__are_the_same(broker, spark):
    lake, _ = broker
    released = open_release(lake.settings)
    connection = released.duckdb()
    for name in released.release.public:
        table = DeltaTable(lake.settings.table_path(name), version=released.release.vector[name])
        assert table.protocol().min_reader_version == 1
        arrow = released.arrow(name)
        assert released.spark(spark, name).count() == arrow.num_rows, name
        assert connection.execute(f"SELECT count(*) FROM {name}").fetchone() == (arrow.num_rows,), name


def test_stores__outside_landing_and_vault__hold_no_clear_identity(broker):
    lake, days = broker
    assert canary.in_tables(lake) == []
    assert canary.in_files(lake, [report_path(lake, days[-1]), *lake.settings.logs.rglob("*.log")]) == []


def test_report__of_the_night__is_self_contained(broker):
    lake, days = broker
    page = report_path(lake, days[-1]).read_text(encoding="utf-8")
    assert "<svg" in page and "Control totals" in page
    assert re.findall(r"""(?:src|href)=["']?(?!#)[^"'> ]+|url\(""", page) == []


@needs_root
def test_night__seen_by_another_account__landing_and_vault_closed_and_gold_readable(broker):
    lake, _ = broker
    with tempfile.TemporaryDirectory(prefix="brokerlake-rights-") as folder:  # pytest's own folders are closed
        Path(folder).chmod(0o755)
        home = Path(shutil.copytree(lake.settings.home, Path(folder) / "home"))
        home.chmod(0o755)
        seen = seen_by_another(home)
        gold = {str(file.relative_to(home)) for file in (home / "lake" / "gold").rglob("*") if file.is_file()}
    assert {name for name in seen if is_closed(name)} == set()
    assert gold and gold <= seen
