"""What one rule said about one written version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from brokerlake.settings import Settings
from brokerlake.tables import ops

CRITICAL = "critical"
WARNING = "warning"


@dataclass(frozen=True)
class Result:
    """One audit check.

    Attributes:
        rule_id: name of the rule, unique within the table.
        kind: contract, suite, totals.
        column: column it speaks of, if one.
        failed_rows: rows that break it; 0 when it passed, None when not countable.
        sentence: what it demands, in words.
    """

    rule_id: str
    kind: str
    column: str | None
    severity: str
    passed: bool
    failed_rows: int | None
    checked_rows: int
    sentence: str


def stopping(results: Iterable[Result]) -> list[Result]:
    """Failed critical rules."""
    return [result for result in results if not result.passed and result.severity == CRITICAL]


def file_results(
    settings: Settings, *, run_id: str, table: str, days: Sequence[date], version: int | None, results: Sequence[Result]
) -> None:
    """Append results to `ops.quality_results` in one commit."""
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = [
        {
            "run_id": run_id,
            "night": max(days),
            "first_date": min(days),
            "table_name": table,
            "version": version,
            "rule_id": result.rule_id,
            "kind": result.kind,
            "column_name": result.column,
            "severity": result.severity,
            "passed": result.passed,
            "failed_rows": result.failed_rows,
            "checked_rows": result.checked_rows,
            "sentence": result.sentence,
            "measured_at": now,
        }
        for result in results
    ]
    ops.append_ops(settings, "quality_results", ops.as_table("quality_results", rows), {"run_id": run_id})
