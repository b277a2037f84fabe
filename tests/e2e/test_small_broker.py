"""A small broker from landing to release, by the real runner: content, totals, privacy, readers, faults.

One lake serves the whole file: four nights loaded as a range, a fifth run as a night.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

from brokerlake.errors import LandingError, QualityError
from brokerlake.lake import Lake
from brokerlake.plan.state import load_state
from brokerlake.reader import open_release
from brokerlake.release.releases import Release, current_release, read_releases
from brokerlake.reports.steward import report_path
from brokerlake.synthetic.truth import clear_identities
from brokerlake.tables import ops
from tests.conftest import PROJECT
from tests.e2e import nights
from tests.jobs.gold.independent import queries, tags
from tests.jobs.gold.independent.compare import compare

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_broker")]

RANGE, NIGHTS = 4, 5
Content = dict[tuple[str, date], str]


@pytest.fixture(scope="module")
def broker(spark, test_settings, tmp_path_factory) -> tuple[Lake, list[date]]:
    """The broker after its range of nights and one more night."""
    lake = nights.open_scratch(tmp_path_factory.mktemp("broker"), test_settings)
    days = nights.make_broker(lake, NIGHTS)
    nights.backfill(lake, days[0], days[RANGE - 1])
    shutil.copytree(lake.settings.home, lake.settings.home.parent / "before_night")
    nights.night(lake, days[-1])
    return lake, days


def content(lake: Lake) -> Content:
    """Digest of every table and date of the current release."""
    release = current_release(lake.settings)
    assert release is not None
    state, _ = load_state(lake.settings, "nobody", release)
    return {(n, d): done.digest for n in lake.catalogue.order for d in state.dates(n) if (done := state.get(n, d))}


def before_night(broker, tmp_path, test_settings) -> Lake:
    """A copy of the lake as it stood before the last night."""
    home = tmp_path / "home"
    shutil.copytree(broker[0].settings.home.parent / "before_night", home)
    return nights.open_scratch(home, test_settings)


def _manifest(lake: Lake, feed: str, day: date) -> Path:
    return lake.settings.landing / feed / str(day) / "seq=1" / "manifest.json"


def _data_file(lake: Lake, feed: str, day: date) -> Path:
    (name,) = [entry["name"] for entry in json.loads(_manifest(lake, feed, day).read_text())["files"]]
    return _manifest(lake, feed, day).parent / name


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
    before, count = content(lake), len(read_releases(lake.settings))
    nights.night(lake, days[-1])
    assert content(lake) == before
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
    known = clear_identities(lake.settings.home / "truth")
    assert {"name", "phone", "email", "id_number", "account"} <= set(known)
    words = {value for kind, values in known.items() if kind != "name" for value in values}
    words |= {value for value in known["name"] if len(value) >= 3}
    pattern = re.compile("|".join(sorted(map(re.escape, words), key=len, reverse=True)))
    found = []
    for name in [*lake.catalogue.tables, *(f"ops.{n}" for n in ops.OPS_SCHEMAS)]:
        path = lake.settings.table_path(name)
        for column, values in _texts(path).items():
            found += [f"{name}.{column}" for value in values if value and pattern.search(value)][:1]
    for page in [report_path(lake, days[-1]), *lake.settings.logs.rglob("*.log")]:
        found += [str(page)] if pattern.search(page.read_text(encoding="utf-8")) else []
    assert found == []


def _texts(path: Path) -> dict[str, list[str]]:
    import pyarrow as pa

    if not path.exists():
        return {}
    table = DeltaTable(path).to_pyarrow_table()
    texts = [f.name for f in table.schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
    return {name: pc.unique(table[name]).to_pylist() for name in texts}


def test_report__of_the_night__is_self_contained(broker):
    lake, days = broker
    page = report_path(lake, days[-1]).read_text(encoding="utf-8")
    assert "<svg" in page and "Control totals" in page
    assert re.findall(r"""(?:src|href)=["']?(?!#)[^"'> ]+|url\(""", page) == []


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        ("cut", "trading_executions.*(bytes|sha256)"),
        ("lie", "trading_executions.*rows|trading_executions.*row_count"),
        ("missing", "trading_balances.*required_feed_missing"),
    ],
)
def test_landing__damaged_delivery__publishes_nothing_and_names_the_file(
    broker, tmp_path, test_settings, damage, cause
):
    lake, day = before_night(broker, tmp_path, test_settings), broker[1][-1]
    before = current_release(lake.settings)
    if damage == "cut":
        path = _data_file(lake, "trading_executions", day)
        path.write_bytes(path.read_bytes()[:-40])
    elif damage == "lie":
        path = _manifest(lake, "trading_executions", day)
        text = json.loads(path.read_text())
        text["rows"] += 1
        text["files"][0]["rows"] += 1
        path.write_text(json.dumps(text))
    else:
        shutil.rmtree(_manifest(lake, "trading_balances", day).parent)
    with pytest.raises(LandingError, match=cause) as caught:
        nights.night(lake, day)
    assert "\n" not in str(caught.value)
    assert current_release(lake.settings) == before


@pytest.mark.release
def test_night__critical_rule_broken__publishes_nothing_until_repaired(broker, tmp_path, test_settings):
    lake, day = before_night(broker, tmp_path, test_settings), broker[1][-1]
    before = current_release(lake.settings)
    kept = tmp_path / "kept"
    shutil.copytree(_manifest(lake, "trading_balances", day).parent, kept)
    _steal_cash(lake, day)
    with pytest.raises(QualityError, match=r"silver\.balances: critical rule .* failed") as caught:
        nights.night(lake, day)
    assert "\n" not in str(caught.value)
    assert current_release(lake.settings) == before
    shutil.rmtree(_manifest(lake, "trading_balances", day).parent)
    shutil.copytree(kept, _manifest(lake, "trading_balances", day).parent)
    nights.night(lake, day)
    assert content(lake) == content(broker[0])


def _steal_cash(lake: Lake, day: date) -> None:
    """Every account's cash a yuan short, in a file and manifest that agree with each other."""
    import hashlib
    from decimal import Decimal

    import pyarrow.parquet as pq

    path, manifest = _data_file(lake, "trading_balances", day), _manifest(lake, "trading_balances", day)
    table = pq.read_table(path)
    place = table.schema.get_field_index("cash")
    short = pc.subtract(table["cash"], Decimal("1.00")).cast(table.schema.field("cash").type)
    pq.write_table(table.set_column(place, table.schema.field("cash"), short), path)
    text = json.loads(manifest.read_text())
    text["files"][0] |= {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    text["control_sums"]["cash"] = str(Decimal(text["control_sums"]["cash"]) - table.num_rows)
    manifest.write_text(json.dumps(text))


@pytest.mark.release
def test_night__killed_in_the_middle__is_finished_by_one_more_run(broker, tmp_path, test_settings):
    lake, day = before_night(broker, tmp_path, test_settings), broker[1][-1]
    before = current_release(lake.settings)
    command = [sys.executable, "-m", "brokerlake", "nightly", "--date", str(day)]
    environment = {**os.environ, "BROKERLAKE_HOME": str(lake.settings.home)}
    with (tmp_path / "out.txt").open("w") as out:
        process = subprocess.Popen(
            command, env=environment, cwd=PROJECT, stdout=out, stderr=out, start_new_session=True
        )  # fmt: skip
        _wait_for_silver(lake, f"nightly:{day}", process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert current_release(lake.settings) == before
    nights.night(lake, day)
    assert content(lake) == content(broker[0])
    assert len([r for r in read_releases(lake.settings) if r.night == day]) == 1


def _wait_for_silver(lake: Lake, run_id: str, process: subprocess.Popen[bytes], least: int = 3) -> None:
    """Until the run has passed a few silver tables."""
    for _ in range(600):
        ledger = ops.read_ops(lake.settings, "ledger", ["run_id", "table_name"]).to_pylist()
        if sum(r["run_id"] == run_id and r["table_name"].startswith("silver.") for r in ledger) >= least:
            return
        assert process.poll() is None, "the night ended before it could be killed"
        time.sleep(0.5)
    raise AssertionError("the night passed no silver table within five minutes")


@pytest.mark.release
def test_range__against_date_by_date__is_equal(broker, tmp_path, test_settings):
    """The fourth night of the range, run as a night on a lake that holds the first three."""
    lake, days = nights.open_scratch(tmp_path / "home", test_settings), broker[1]
    shutil.copytree(broker[0].settings.landing, lake.settings.landing)
    shutil.copytree(broker[0].settings.private / "keys", lake.settings.private / "keys")
    nights.backfill(lake, days[0], days[1])
    for day in days[2:]:
        nights.night(lake, day)
    one_by_one, range_first = content(lake), content(broker[0])
    both = one_by_one.keys() & range_first.keys()
    assert {table for table, _ in both} == set(lake.catalogue.order)
    whole = {t.name for t in lake.catalogue.tables.values() if t.write == "replace_all"}
    last = {key for key in both if key[0] not in whole or key[1] == days[-1]}
    assert {key for key in last if one_by_one[key] != range_first[key]} == set()


@pytest.mark.release
def test_rollback__to_the_release_before__gives_back_what_the_night_took(broker, tmp_path, test_settings):
    from brokerlake.release.releases import rollback

    home = tmp_path / "home"
    shutil.copytree(broker[0].settings.home, home)
    lake, day = nights.open_scratch(home, test_settings), broker[1][-1]
    undisturbed = content(lake)
    back: Release = rollback(lake.settings, read_releases(lake.settings)[0].number)
    assert back.night == broker[1][RANGE - 1]
    assert all(when < day for table, when in content(lake))
    again = nights.night(lake, day)
    assert again.number == back.number + 1
    assert content(lake) == undisturbed
