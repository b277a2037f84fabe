"""Every suite passes its example and every rule of it bites, in pandas and in Spark: one mutant a rule, its own."""

from __future__ import annotations

import pytest

from brokerlake.catalog import load_catalogue
from brokerlake.quality.suites import Suite, load_suite, run_suite, suite_path
from tests.conftest import PROJECT
from tests.rows import rows

JUDGED = [name for name in load_catalogue(PROJECT / "data_catalog.yaml").order if not name.startswith("bronze.")]


def _suite(table: str) -> Suite:
    return load_suite(suite_path(PROJECT, table))


def _frames(spark, table: str, values):
    """The rows as a run hands them to the gate: small versions as pandas, large ones as Spark."""
    from brokerlake.tables.delta_queries import to_judge

    frame = rows(spark, table, values)
    return {"spark": frame, "pandas": to_judge(frame.toArrow())}


@pytest.mark.spark
@pytest.mark.parametrize("table", JUDGED)
def test_suite__example__passes_every_rule(spark, table):
    suite = _suite(table)
    for engine, frame in _frames(spark, table, suite.examples).items():
        failed = [result.rule_id for result in run_suite(frame, suite, len(suite.examples)) if not result.passed]
        assert not failed, engine


@pytest.mark.spark
@pytest.mark.parametrize("table", JUDGED)
def test_suite__mutant_of_each_rule__fails_that_rule(spark, table):
    suite = _suite(table)
    for rule in suite.rules:
        mutants = rule.mutant if isinstance(rule.mutant, list) else [rule.mutant]
        assert all(mutants), f"{table}: rule {rule.id} has no mutant"
        only = Suite(table, (rule,), suite.examples)
        counts = set()
        for engine, frame in _frames(spark, table, [{**suite.examples[0], **mutant} for mutant in mutants]).items():
            (result,) = run_suite(frame, only, len(mutants))
            assert not result.passed, f"{table}: rule {rule.id} does not bite in {engine}"
            counts.add(result.failed_rows)
        assert len(counts) == 1, f"{table}: rule {rule.id} counts differ between pandas and Spark"
