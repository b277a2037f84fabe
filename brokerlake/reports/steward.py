"""The steward's page of a release: one HTML file that opens offline."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import jinja2

from brokerlake.lake import Lake
from brokerlake.release.releases import Release
from brokerlake.reports import charts
from brokerlake.reports.facts import PageFacts, page_facts

TEMPLATE = "steward.html.j2"


def report_path(lake: Lake, night: date) -> Path:
    """reports/quality-<night>.html."""
    return lake.settings.reports / f"quality-{night}.html"


def write_steward_report(lake: Lake, release: Release) -> Path:
    """Write the page of `release`, and `reports/quality.html`, the newest one; the page's path."""
    page = render(page_facts(lake, release))
    path = report_path(lake, release.night)
    path.parent.mkdir(parents=True, exist_ok=True)
    for target in (path, path.parent / "quality.html"):
        target.write_text(page, encoding="utf-8")
    return path


def render(facts: PageFacts) -> str:
    """The page as HTML text; every value is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=_number, spark=charts.sparkline)
    labels = [f"{row['night']:%m-%d}" for row in facts.nights]
    return environment.get_template(TEMPLATE).render(
        facts=facts,
        release=facts.release,
        flow=charts.flow(_flow(facts)),
        failed_chart=charts.bars(
            labels,
            [
                ("warnings", [row["warnings"] for row in facts.nights]),
                ("critical", [row["critical"] for row in facts.nights]),
            ],
            "Failed rules by night",
        ),
        rejected_chart=charts.bars(
            labels, [("rejected rows", [row["rejected"] for row in facts.nights])], "Rejected rows by night"
        ),
        time_chart=charts.bars(
            [row["group"] for row in facts.steps],
            [("CPU seconds", [row["cpu_seconds"] for row in facts.steps])],
            "CPU seconds by task of the night",
        ),
    )


def _number(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Decimal):
        return f"{value:,.0f}" if value == value.to_integral_value() else f"{value:,.2f}"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def _flow(facts: PageFacts) -> list[tuple[str, str, str]]:
    """Rows of the night, layer by layer."""
    bronze = [row for row in facts.totals if row["step"] == "bronze" and row["measure"] == "rows"]
    silver = [row for row in facts.totals if row["step"] == "silver" and row["measure"] == "rows"]
    landed, kept = sum(row["came_in"] for row in bronze), sum(row["kept"] for row in bronze)
    typed, lost = sum(row["kept"] for row in silver), sum(row["rejected"] for row in [*bronze, *silver])
    gold = [table for table in facts.tables if table.name.startswith("gold.")]
    return [
        ("landing", _number(landed), f"{len(bronze)} feeds"),
        ("bronze", _number(kept), f"{_number(landed - kept)} not read"),
        ("silver", _number(typed), f"{_number(lost)} rejected"),
        ("gold", _number(sum(table.row_count for table in gold)), f"{len(gold)} tables"),
        ("release", str(facts.release.number), f"{len(facts.release.public)} public tables"),
    ]
