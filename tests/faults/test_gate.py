"""F20, F21: every rule's mutant is stopped or recorded; a gate that crashes, hangs or has no rules counts as failed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pyarrow.compute as pc
import pytest
import yaml

from brokerlake.catalog import load_catalogue
from brokerlake.errors import PlanError, QualityError
from brokerlake.lake import Lake, open_lake
from brokerlake.lease import hold
from brokerlake.plan.dates import RunDates
from brokerlake.quality.results import CRITICAL
from brokerlake.release.releases import current_release
from brokerlake.run import tables_step
from brokerlake.run.context import Run, open_run
from brokerlake.run.nightly import night_id, open_night
from brokerlake.run.publish import publish
from brokerlake.settings import read_yaml
from brokerlake.tables import delta_files, ops
from tests.conftest import PROJECT
from tests.e2e.nights import say_nothing
from tests.faults import mutants, small_lake
from tests.faults.damage import SEEDS, cause_of_night
from tests.rows import DEFAULT_DATE, arrow_rows

SMALL = pytest.mark.xdist_group("small_lake")
ALL = load_catalogue(PROJECT / "data_catalog.yaml")
TABLES = [name for name in ALL.order if not name.startswith("bronze.")]
IN_SMALL = set(ALL.restrict_to_tables(read_yaml(small_lake.CONF / "base.yaml")["tables"]).tables)


def judged(run: Run, mutant: mutants.Mutant) -> str | None:
    """The cause with which the gate stops the mutant's rows, written as a version of the table; else None."""
    table, day = run.lake.catalogue[mutant.table], mutant.day(DEFAULT_DATE)
    contract, path = run.contract(table), run.lake.settings.table_path(table.name)
    column = {contract.date_column: day} if contract.date_column else {}
    rows = arrow_rows(table.name, [{**row, **column} for row in mutant.rows])
    delta_files.prepare(path, contract, None)
    version = delta_files.replace(path, rows, None, {})
    measured = tables_step._measure(run, table, contract, version, [day])
    try:
        tables_step._judge(run, table, [day], tables_step.Written(version, measured))
    except QualityError as stopped:
        return str(stopped)
    return None


@pytest.fixture
def empty_run(test_settings, tmp_path) -> Iterator[Run]:
    """A run on an empty lake of every table."""
    lake = open_lake(replace(test_settings, home=tmp_path))
    days = (DEFAULT_DATE,)
    dates, run_id = RunDates(days, days, days, DEFAULT_DATE), f"nightly:{DEFAULT_DATE}"
    with hold(lake.settings, run_id) as lease:
        yield open_run(lake, "nightly", run_id, dates, say_nothing, lease)


@pytest.mark.slow
@pytest.mark.parametrize(
    "table", [name if name in IN_SMALL else pytest.param(name, marks=pytest.mark.release) for name in TABLES]
)
def test_mutant__of_every_rule__is_stopped_or_recorded(empty_run, table):
    for mutant in mutants.of_table(table):
        cause = judged(empty_run, mutant)
        results = ops.read_ops(empty_run.lake.settings, "quality_results")
        last = results.filter(pc.equal(results["measured_at"], pc.max(results["measured_at"]))).to_pylist()
        failed = {row["rule_id"]: row["severity"] for row in last if not row["passed"]}
        assert failed.get(mutant.rule) == mutant.severity, f"{table}: {mutant.rule}"
        if CRITICAL in failed.values():
            assert re.fullmatch(rf"{re.escape(table)}: critical rule \w+ failed: [^\n]+", cause or "")
        else:
            assert cause is None


@pytest.mark.slow
def test_judge__null_that_crashes_a_rule__is_told_by_the_contract(empty_run):
    (mutant,) = [one for one in mutants.of_table("gold.customer_360") if one.rule == "open_account_count_is_filled"]
    cause = "gold.customer_360: critical rule open_account_count_is_filled failed: 1 of 1 rows: "
    assert str(judged(empty_run, mutant)).startswith(cause)
    results = ops.read_ops(empty_run.lake.settings, "quality_results").to_pylist()
    assert [row["rule_id"] for row in results if not row["passed"]] == [mutant.rule]


@contextmanager
def spoiled_build(table: str, spoil: Callable):
    """Inside the block `build()` of one table gives back what `spoil` makes of it."""
    build = tables_step._build

    def spoiled(run, built, days):
        frame = build(run, built, days)
        return spoil(frame) if built.name == table else frame

    with patch.object(tables_step, "_build", spoiled):
        yield


def short_of_a_price(frame):
    from pyspark.sql import functions as F

    return frame.withColumn("quantity", F.lit(-1).cast("decimal(18,4)"))


@pytest.mark.spark
@pytest.mark.slow
@SMALL
def test_night__with_a_critical_mutant__stops_before_publish_and_is_finished_without_it(copy, undisturbed):
    small = copy()
    night, table = small.nights[0], "silver.positions"
    with spoiled_build(table, short_of_a_price):
        cause = cause_of_night(small, night)
    assert cause.startswith(f"{table}: critical rule quantity_is_not_negative failed: ")
    not_passed = f"{table}: {night}: not passed, so nothing is published"
    with hold(small.lake.settings, night_id(night)) as lease, pytest.raises(PlanError, match=not_passed):
        run = open_night(small.lake, night, say_nothing, lease)
        publish(run, [small.lake.catalogue[name] for name in small.lake.catalogue.order])
    small_lake.run_night(small.lake, night)
    assert small_lake.content(small.lake) == undisturbed.after


def other_suites(lake: Lake, folder: Path, table: str, change: Callable[[dict], None]) -> Lake:
    """The lake with the suite of one table changed; all else of the project is the project's own."""
    folder.mkdir()
    for entry in PROJECT.iterdir():
        if entry.name not in ("expectations", ".git"):
            (folder / entry.name).symlink_to(entry)
    shutil.copytree(PROJECT / "expectations", folder / "expectations")
    path = folder / "expectations" / table.partition(".")[0] / f"{table.partition('.')[2]}.yaml"
    suite = yaml.safe_load(path.read_text())
    change(suite)
    path.write_text(yaml.safe_dump(suite))
    return replace(lake, settings=replace(lake.settings, project=folder))


def no_rules(suite: dict) -> None:
    suite["rules"] = []


def a_rule_that_crashes(suite: dict) -> None:
    suite["rules"][0]["kwargs"] = {"column": suite["rules"][0]["kwargs"]["column"], "min_value": {"no": "number"}}
    suite["rules"][0]["type"] = "expect_column_values_to_be_between"


def a_rule_of_no_column(suite: dict) -> None:
    suite["rules"][0]["kwargs"]["column"] = "nothing"


@pytest.mark.spark
@pytest.mark.slow
@SMALL
@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (no_rules, "its suite has no rules, which counts as failed"),
        (a_rule_that_crashes, r"(rule \w+ crashed|the suite did not finish \(\w+\)), which counts as failed"),
        (a_rule_of_no_column, r"rule \w+: no column nothing, which counts as failed"),
    ],
)
def test_gate__without_a_verdict__counts_as_failed(copy, tmp_path, change, cause):
    small, table = copy(), "silver.customer_changes"
    spoiled = replace(small, lake=other_suites(small.lake, tmp_path / "project", table, change))
    assert re.fullmatch(f"{table}: {cause}", cause_of_night(spoiled, small.nights[0]))
    failed = ops.read_ops(small.lake.settings, "ledger", ["table_name", "verdict"]).to_pylist()
    assert {"table_name": table, "verdict": "failed"} in failed


@pytest.mark.spark
@pytest.mark.slow
@SMALL
def test_gate__that_does_not_end__counts_as_failed(copy):
    small = copy()
    conf = {**small.lake.settings.conf, "quality": {"suite_seconds": 0.01}}
    hurried = replace(small, lake=replace(small.lake, settings=replace(small.lake.settings, conf=conf)))
    cause = cause_of_night(hurried, small.nights[0])
    assert re.fullmatch(r"silver\.\w+: the suite did not end within 0.01 s, which counts as failed", cause)


@pytest.mark.release
@pytest.mark.spark
@SMALL
@pytest.mark.parametrize("seed", SEEDS)
def test_nights__thirty_clean_ones__none_is_blocked(test_settings, tmp_path, seed):
    print(f"seed {seed}")
    small = small_lake.make(tmp_path / "home", test_settings, seed, 30)
    for night in small.nights:
        small_lake.run_night(small.lake, night)
        release = current_release(small.lake.settings)
        assert release is not None and release.night == night
