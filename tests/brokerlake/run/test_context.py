"""What a run knows of itself before its first Spark step."""

from __future__ import annotations

import subprocess
from datetime import date

import pytest

from brokerlake import session
from brokerlake.lake import open_lake
from brokerlake.plan.dates import RunDates
from brokerlake.run.context import LARGE_BYTES, MOST_ROWS_INTERPRETED, open_run
from brokerlake.settings import load_settings
from tests.conftest import COMPILED

D1, D2 = date(2024, 3, 4), date(2024, 3, 5)


@pytest.mark.parametrize(("taken", "is_large"), [(LARGE_BYTES - 1, False), (LARGE_BYTES, True)])
def test_is_large__of_a_run__goes_by_what_its_nights_took(tmp_path, taken, is_large):
    lake = open_lake(load_settings(home=tmp_path, profile="local"))
    run = open_run(lake, "nightly", f"nightly:{D2}", RunDates((D2,), (D2,), (D2,), D2), print)
    run.manifests[("web_events", D1)] = [{"bytes": LARGE_BYTES}]
    run.manifests[("web_events", D2)] = [{"bytes": taken - 10}, {"bytes": 4}]
    run.manifests[("crm_customers", D2)] = [{"bytes": 6}]
    assert run.is_large == is_large


def test_jvm_options__of_the_local_profile__leave_the_optimising_compiler_to_large_runs():
    settings = load_settings(profile="local")
    assert "TieredStopAtLevel=1" in session.jvm_options(settings)
    assert "TieredStopAtLevel" not in session.jvm_options(settings, is_large=True)


def test_jvm_options__of_a_large_run__are_taken_by_java_with_the_compiler_directives():
    settings = load_settings(profile="local")
    options = session.jvm_options(settings, is_large=True).split()
    options.remove("-XX:-DisplayVMOutput")
    java = session.java_home(settings) / "bin" / "java"
    done = subprocess.run([java, *options, "-version"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "1 compiler directives added"


@pytest.mark.spark
def test_spark_for__few_rows__is_a_session_that_interprets_its_plans(spark, test_settings, capsys):
    run = open_run(open_lake(test_settings), "nightly", f"nightly:{D2}", RunDates((D2,), (D2,), (D2,), D2), print)
    few, many = run.spark_for(MOST_ROWS_INTERPRETED), run.spark_for(MOST_ROWS_INTERPRETED + 1)
    assert many is run.spark and few is run.spark_for(0)
    before = {name: many.conf.get(name) for name in COMPILED}
    for name, value in COMPILED.items():
        many.conf.set(name, value)
    try:
        for session in (few, many):
            session.range(3).selectExpr("id + 1").explain()
    finally:
        for name, value in before.items():
            many.conf.set(name, value)
    interpreted, compiled = capsys.readouterr().out.split("== Physical Plan ==")[1:]
    assert "*(1) Project" in compiled and "*(1)" not in interpreted and "Project" in interpreted
    assert few.conf.get("spark.sql.session.timeZone") == "UTC" and few.conf.get("spark.sql.ansi.enabled") == "true"
