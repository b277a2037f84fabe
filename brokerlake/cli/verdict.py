"""The checks of a night, each as it was last measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from brokerlake.errors import PlanError

if TYPE_CHECKING:
    from brokerlake.settings import Settings


@dataclass(frozen=True)
class NightChecks:
    """What the gate said about a night.

    Attributes:
        results: rows of ops.quality_results, the newest per table and rule.
    """

    night: date
    results: list[dict[str, Any]]

    @property
    def failed(self) -> list[dict[str, Any]]:
        """Failed checks, critical ones first."""
        wrong = [result for result in self.results if not result["passed"]]
        return sorted(wrong, key=lambda r: (r["severity"] != "critical", r["table_name"], r["rule_id"]))

    @property
    def critical(self) -> int:
        """How many critical checks failed."""
        return sum(result["severity"] == "critical" for result in self.failed)

    @property
    def sentence(self) -> str:
        """The verdict in one line."""
        warnings = len(self.failed) - self.critical
        return f"{len(self.results)} checks, {self.critical} critical and {warnings} warnings failed"


def read_checks(settings: Settings, night: date | None = None) -> NightChecks:
    """The checks of the night, or of the newest one checked; raises PlanError when there are none."""
    import pyarrow.compute as pc

    from brokerlake.tables.ops import read_ops

    rows = read_ops(settings, "quality_results")
    night = night or (pc.max(rows["night"]).as_py() if rows.num_rows else None)
    of_night = rows.filter(pc.equal(rows["night"], night)) if night else rows
    if not of_night.num_rows:
        raise PlanError(f"quality: night {night}: nothing was checked" if night else "quality: nothing was checked yet")
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for row in of_night.sort_by("measured_at").to_pylist():
        newest[row["table_name"], row["rule_id"]] = row
    assert night is not None
    return NightChecks(night, list(newest.values()))
