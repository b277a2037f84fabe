"""Commands that check: the installation, and the quality of a night."""

from __future__ import annotations

import sys
from datetime import date
from typing import Any

import click

from brokerlake.cli.workplace import Day, Workplace, listing, show


@click.command(epilog="Example: brokerlake doctor")
@click.pass_obj
def doctor(place: Workplace) -> int:
    """Check what a night needs on this machine; one sentence and a remedy per finding."""
    from brokerlake.doctor import examine

    findings = examine(place.settings())
    for finding in findings:
        click.echo(finding.line)
    failed = [finding for finding in findings if not finding.is_good]
    click.echo(f"{len(findings) - len(failed)} of {len(findings)} checks passed", file=sys.stderr if failed else None)
    return 1 if failed else 0


def _summary(results: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    tables: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        tables.setdefault(result["table_name"], []).append(result)
    return [
        (
            name,
            len(rules),
            sum(not r["passed"] and r["severity"] == "critical" for r in rules),
            sum(not r["passed"] and r["severity"] != "critical" for r in rules),
        )
        for name, rules in sorted(tables.items())
    ]


@click.command(epilog="Example: brokerlake quality --date 2024-10-25")
@click.option("--date", "night", type=Day(), help="The night; the newest one checked when left out.")
@click.pass_obj
def quality(place: Workplace, night: date | None) -> int:
    """Show the checks of a night by table and each failed rule; exit code 1 when a critical one failed."""
    from brokerlake.cli.verdict import read_checks

    checked = read_checks(place.settings(), night)
    show(listing(["table", "rules", "critical failed", "warnings"], _summary(checked.results)))
    for result in checked.failed:
        click.echo(f"{result['severity']}: {result['table_name']}: {result['rule_id']}: {result['sentence']}")
    click.echo(f"night {checked.night}: {checked.sentence}")
    return 1 if checked.critical else 0
