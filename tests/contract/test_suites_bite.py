"""Every suite passes its example and every rule of it bites, in pandas and in Spark: one mutant a rule, its own."""

from __future__ import annotations

import pytest

from brokerlake.catalog import load_catalogue
from brokerlake.quality.suites import Suite, SuiteRule, load_suite, run_suite, suite_path
from brokerlake.tables.delta_queries import to_judge
from tests.conftest import PROJECT
from tests.rows import arrow_rows, rows

JUDGED = [name for name in load_catalogue(PROJECT / "data_catalog.yaml").order if not name.startswith("bronze.")]


def _suite(table: str) -> Suite:
    return load_suite(suite_path(PROJECT, table))


def _frames(spark, table: str, values):
    """The rows as a run hands them to the gate: small versions as pandas, large ones as Spark."""
    return {"spark": rows(spark, table, values), "pandas": to_judge(arrow_rows(table, values))}


def _mutants(suite: Suite, rule: SuiteRule) -> list[dict]:
    """The example with what breaks the rule, one row or several."""
    mutants = rule.mutant if isinstance(rule.mutant, list) else [rule.mutant]
    assert all(mutants), f"{suite.table}: rule {rule.id} has no mutant"
    return [{**suite.examples[0], **mutant} for mutant in mutants]


def _said(frame, suite: Suite, count: int) -> dict[str, tuple[bool, int | None]]:
    """Per rule: whether it passed, and the rows that failed it."""
    return {result.rule_id: (result.passed, result.failed_rows) for result in run_suite(frame, suite, count)}


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
    """In pandas rule by rule, each on its own mutants; in Spark all rules on all mutants, said as pandas says it, and
    by itself any rule that the mutants of others let pass.
    """
    suite, everything = _suite(table), []
    for rule in suite.rules:
        own, only = _mutants(suite, rule), Suite(table, (rule,), suite.examples)
        alone = _said(to_judge(arrow_rows(table, own)), only, len(own))
        assert not alone[rule.id][0], f"{table}: rule {rule.id} does not bite"
        everything += own
    together = {
        engine: _said(frame, suite, len(everything)) for engine, frame in _frames(spark, table, everything).items()
    }
    assert together["spark"] == together["pandas"]
    for rule in suite.rules:
        if together["spark"][rule.id][0]:
            own, only = _mutants(suite, rule), Suite(table, (rule,), suite.examples)
            alone = {engine: _said(frame, only, len(own)) for engine, frame in _frames(spark, table, own).items()}
            assert alone["spark"] == alone["pandas"], rule.id
            assert not alone["spark"][rule.id][0], f"{table}: rule {rule.id} does not bite in Spark"
