"""Expectation suites: read from YAML, run by Great Expectations on one written version.

A frame of pandas is judged in this process, one of Spark in its session; rules mean the same in both. BOOLEAN_ONLY
first; counts are asked only for what failed. No value of a row is ever kept.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brokerlake.errors import ConfigurationError, QualityError
from brokerlake.plain_yaml import expected_shape, read_mapping
from brokerlake.quality.results import CRITICAL, WARNING, Result
from brokerlake.quality.time_limit import within

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

_of_thread = threading.local()
ROW_WISE = ("expect_column_values_", "expect_column_pair_values_", "expect_column_value_lengths_")
"""Expectations that judge row by row: without rows they hold, and Great Expectations is not asked."""
_EXPECTATION = re.compile(r"expect_[a-z_]+")
_CODE = {"row_condition", "condition_parser", "unexpected_rows_query", "template_dict"}
"""Arguments that Great Expectations evaluates as code or SQL."""
COLUMN_ARGUMENTS = ("column", "column_A", "column_B")
LONGEST_SECONDS = 900
"""Time a suite has unless conf says another one under `quality: suite_seconds`."""


@dataclass(frozen=True)
class SuiteRule:
    """One rule of a suite.

    Attributes:
        mutant: values which, laid over the suite's example, must fail this rule (used by tests).
    """

    id: str
    type: str
    kwargs: Mapping[str, Any]
    severity: str
    reason: str
    mutant: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """The rules of one table and one or more rows that pass them all."""

    table: str
    rules: tuple[SuiteRule, ...]
    examples: tuple[Mapping[str, Any], ...]

    @property
    def columns(self) -> list[str]:
        """The columns its rules speak of."""
        named = [str(rule.kwargs[key]) for rule in self.rules for key in COLUMN_ARGUMENTS if key in rule.kwargs]
        return list(dict.fromkeys(named))


def suite_path(project: Path, table: str) -> Path:
    """expectations/<layer>/<table>.yaml."""
    layer, _, name = table.partition(".")
    return project / "expectations" / layer / f"{name}.yaml"


@cache
def load_suite(path: Path) -> Suite:
    """The suite in `path`; raises ConfigurationError naming table and rule."""
    raw = read_mapping(path)
    with expected_shape(f"expectations {path.parent.name}.{path.stem}"):
        return _as_suite(raw)


def _as_suite(raw: Mapping[str, Any]) -> Suite:
    rules = []
    for item in raw.get("rules") or ():
        for needed in ("id", "type", "kwargs", "severity", "reason"):
            if needed not in item:
                raise ConfigurationError(f"expectations {raw.get('table')}: rule {item.get('id', '?')} has no {needed}")
        if not _EXPECTATION.fullmatch(item["type"]) or _CODE.intersection(item["kwargs"]):
            raise ConfigurationError(f"expectations {raw['table']}: rule {item['id']}: not a plain expectation")
        if item["severity"] not in (CRITICAL, WARNING):
            raise ConfigurationError(f"expectations {raw['table']}: rule {item['id']}: severity {item['severity']}")
        rules.append(SuiteRule(**{key: item[key] for key in SuiteRule.__dataclass_fields__ if key in item}))
    if len({rule.id for rule in rules}) != len(rules):
        raise ConfigurationError(f"expectations {raw['table']}: a rule id stands twice")
    example = raw.get("example") or {}
    return Suite(raw["table"], tuple(rules), tuple(example if isinstance(example, list) else [example]))


@cache
def load_library() -> Any:
    """Great Expectations, imported late and kept quiet."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    import great_expectations

    return great_expectations


def _frames_of(engine: str) -> Any:
    """Where this thread hands frames over, in a context of its own: contexts are not made for several threads.

    It is made once: a context writes its whole configuration down for each asset it gets or loses.
    """
    made: dict[str, Any] = _of_thread.__dict__.setdefault("frames", {})
    if engine not in made:
        context = load_library().get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        sources = context.data_sources
        source = sources.add_pandas("pandas") if engine == "pandas" else sources.add_spark("spark", persist=False)
        made[engine] = source.add_dataframe_asset("frame").add_batch_definition_whole_dataframe("whole")
    return made[engine]


def _validate(frame: DataFrame | pd.DataFrame, rules: Sequence[SuiteRule], result_format: str) -> dict[str, Any]:
    engine = "pandas" if type(frame).__module__.startswith("pandas") else "spark"
    suite = load_library().ExpectationSuite(
        name="suite",
        expectations=[
            {"type": rule.type, "kwargs": dict(rule.kwargs), "severity": rule.severity, "meta": {"rule_id": rule.id}}
            for rule in rules
        ],
    )
    batch = _frames_of(engine).get_batch(batch_parameters={"dataframe": frame})
    outcome = batch.validate(suite, result_format=result_format)
    return {result.expectation_config.meta["rule_id"]: result for result in outcome.results}


def check_suite(suite: Suite, columns: Collection[str]) -> None:
    """Raises QualityError when the suite has no rules, or one speaks of a column that is not among `columns`."""
    if not suite.rules:
        raise QualityError(f"{suite.table}: its suite has no rules, which counts as failed")
    for rule in suite.rules:
        for key in COLUMN_ARGUMENTS:
            name = rule.kwargs.get(key)
            if name is not None and name not in columns:
                raise QualityError(f"{suite.table}: rule {rule.id}: no column {name}, which counts as failed")


def run_suite(
    frame: DataFrame | pd.DataFrame, suite: Suite, rows: int, *, seconds: float = LONGEST_SECONDS
) -> list[Result]:
    """One result per rule of the suite on `frame` (`rows` rows).

    Raises QualityError when the suite is empty, crashes, or does not end within `seconds`.
    """
    if not suite.rules:
        raise QualityError(f"{suite.table}: its suite has no rules, which counts as failed")
    if rows == 0 and all(rule.type.startswith(ROW_WISE) for rule in suite.rules):
        return [_as_result(rule, True, None, 0) for rule in suite.rules]
    try:
        return within(seconds, lambda: _run(frame, suite, rows))
    except TimeoutError:
        raise QualityError(
            f"{suite.table}: the suite did not end within {seconds:g} s, which counts as failed"
        ) from None


def _run(frame: DataFrame | pd.DataFrame, suite: Suite, rows: int) -> list[Result]:
    try:
        outcome = _validate(frame, suite.rules, "BOOLEAN_ONLY")
        failed = [rule for rule in suite.rules if not outcome[rule.id].success]
        details = _validate(frame, failed, "BASIC") if failed else {}
    except Exception as crash:
        cause = type(crash).__name__
        raise QualityError(f"{suite.table}: the suite did not finish ({cause}), which counts as failed") from crash
    for rule in suite.rules:
        if _raised(outcome[rule.id].exception_info or {}):
            raise QualityError(f"{suite.table}: rule {rule.id} crashed, which counts as failed")
    return [_as_result(rule, bool(outcome[rule.id].success), details.get(rule.id), rows) for rule in suite.rules]


def _as_result(rule: SuiteRule, passed: bool, detail: Any, rows: int) -> Result:
    return Result(
        rule_id=rule.id,
        kind="suite",
        column=rule.kwargs.get("column"),
        severity=rule.severity,
        passed=passed,
        failed_rows=_unexpected(detail) if detail is not None else 0,
        checked_rows=rows,
        sentence=rule.reason,
    )


def _raised(info: Mapping[str, Any]) -> bool:
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(entry.get("raised_exception") for entry in info.values() if isinstance(entry, Mapping))


def _unexpected(result: Any) -> int | None:
    count = result.result.get("unexpected_count")
    return int(count) if count is not None else None
