"""DuckDB's six outputs against the lake's, on a broker of a few hundred customers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import agreement
from benchmarks.beside.__main__ import make_all
from benchmarks.beside.sources import OUTPUTS, SUPPORT, Night, add_views, connect
from benchmarks.earlier import make_earlier
from benchmarks.extracts import make_extracts
from benchmarks.floor import read_delivered, write_rows
from benchmarks.history import PARTY_DAYS
from benchmarks.sizes import EARLIER_DAYS, days_of_facts
from brokerlake.plan.state import load_state
from brokerlake.privacy.keys import current_key
from brokerlake.release.releases import current_release
from tests.conftest import PROJECT
from tests.e2e import nights

CUSTOMERS, EXECUTIONS, EVENTS, HISTORY_DAYS = 200, 1_500, 2_500, 40


@pytest.fixture(scope="module")
def night(spark, test_settings, tmp_path_factory) -> Night:
    """A night of the tables that matter after three days of facts and copies of them behind, and DuckDB's outputs."""
    conf = tmp_path_factory.mktemp("conf") / "conf"
    shutil.copytree(PROJECT / "conf", conf)
    with (conf / "base.yaml").open("a", encoding="utf-8") as file:
        file.write(f"tables: {json.dumps([*OUTPUTS, *SUPPORT])}\n")
    lake = nights.open_scratch(tmp_path_factory.mktemp("bench"), test_settings, conf)
    days = days_of_facts(lake.calendar)[: EARLIER_DAYS + 1]
    make_extracts(lake, days, customers=CUSTOMERS, pace=(EXECUTIONS, EVENTS))
    make_earlier(lake, days[0], days[EARLIER_DAYS - 1], HISTORY_DAYS, nights.say_nothing)
    release = nights.night(lake, days[-1])
    made = Night(lake, days[-1], release.vector, tmp_path_factory.mktemp("outputs"))
    connection = connect(made.scratch, current_key(lake.settings))
    add_views(connection, made)
    assert list(make_all(made, connection)) == list(OUTPUTS)
    return made


pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("bench")]


def test_outputs__of_a_night__equal_the_lakes_row_by_row(night):
    found = agreement.differences(night)
    assert {name: sides["differing"] for name, sides in found.items()} == {name: [] for name in OUTPUTS}
    assert all(sides["lake_rows"] == sides["duckdb_rows"] > 0 for sides in found.values())


def test_outputs__one_value_changed__is_found(night, tmp_path):
    for name in OUTPUTS:
        (tmp_path / f"{name}.parquet").symlink_to(night.scratch / f"{name}.parquet")
    name = "silver.cash_flows"
    rows = pq.read_table(night.scratch / f"{name}.parquet")
    banks = rows["bank"].to_pylist()
    (tmp_path / f"{name}.parquet").unlink()
    changed = rows.set_column(rows.schema.get_field_index("bank"), "bank", pa.array(["another", *banks[1:]]))
    pq.write_table(changed, tmp_path / f"{name}.parquet")
    found = agreement.differences(replace(night, scratch=tmp_path))
    assert {n: sides["differing"] for n, sides in found.items() if sides["differing"]} == {name: ["bank", "whole_rows"]}


def test_history__copied__is_one_partition_a_day_that_the_windows_read(night):
    lake = night.lake
    release = current_release(lake.settings)
    assert release is not None
    state, _ = load_state(lake.settings, "nobody", release)
    assert len(state.dates(PARTY_DAYS)) == HISTORY_DAYS + EARLIER_DAYS + 1
    customers = f"read_parquet('{night.scratch / 'gold.customer_360.parquet'}')"
    ((longest,),) = duckdb.sql(f"SELECT max(history_trading_days) FROM {customers}").fetchall()
    # One more where a fund confirmed on the first day a trade of the day before.
    assert longest - (HISTORY_DAYS + EARLIER_DAYS + 1) in (0, 1)


def test_floor__of_the_night__reads_what_was_delivered_and_writes_the_outputs(night):
    rows = {name: pq.read_table(night.scratch / f"{name}.parquet") for name in OUTPUTS}
    plain = sum(file.stat().st_size for file in night.delivered("trading_executions"))
    assert read_delivered(night) > plain
    assert write_rows(rows, night.scratch) > 0


@pytest.mark.release
def test_bench__tiny_scale_from_the_command_line__writes_every_figure(tmp_path: Path):
    command = [sys.executable, "-m", "benchmarks", "--scale", "0.001", "--history-days", "30", "--demo-days", "2", "5"]
    done = subprocess.run([*command, "--folder", str(tmp_path)], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("0.001/*/speed.json")
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told["outputs_equal"] == {"cold": True, "warm": True}
    assert len(told["goals"]) == 8 and all(goal["figure"] > 0 for goal in told["goals"])
    assert "missed" in file.with_suffix(".md").read_text(encoding="utf-8") or all(g["is_met"] for g in told["goals"])
    again = subprocess.run([*command, "--folder", str(tmp_path)], cwd=PROJECT, capture_output=True, text=True)
    assert again.returncode == 0 and again.stdout.count("kept from before") == 5
