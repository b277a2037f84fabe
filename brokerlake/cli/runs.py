"""Commands that run something, or say what would run."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from brokerlake.cli.progress import long_work
from brokerlake.cli.workplace import Day, Workplace, listing, show

if TYPE_CHECKING:
    from brokerlake.lake import Lake
    from brokerlake.plan.plans import PlannedStep

night_option = click.option("--date", "night", type=Day(), required=True, help="The night, a trading day.")
from_table_option = click.option("--from-table", help="Only this table and what is made from it; published nights.")
as_of_option = click.option(
    "--as-of",
    type=click.Choice(["all", "sparse", "last"]),
    default="all",
    help="As-of dates: all nights, month ends and the last five nights, or the last night.",
)


def _span(days: tuple[date, ...]) -> str:
    if not days:
        return "-"
    return f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]} ({len(days)})"


def tell_release(release: Any) -> None:
    """Say what was published."""
    click.echo(f"release {release.number}: night {release.night}, {len(release.public)} public tables")
    for feed, last in sorted(release.stale_feeds.items()):
        click.echo(f"  stale: {feed}, last delivered {last or 'never'}")


def _plan_steps(
    lake: Lake, night: date | None, first: date | None, last: date | None, from_table: str | None, as_of: str
) -> list[PlannedStep]:
    """The steps of a night, else of a range, by the run that `nightly` or `backfill` would make."""
    from brokerlake.plan.plans import make_plan
    from brokerlake.run.backfill import Range, chosen_tables, range_dates
    from brokerlake.run.nightly import night_dates

    if night is not None:
        return make_plan(lake, f"nightly:{night}", night_dates(lake, night))
    assert first is not None and last is not None
    asked = Range(first, last, from_table, as_of)
    return make_plan(lake, asked.run_id, range_dates(lake, asked), chosen_tables(lake, from_table))


@click.command(
    epilog="Examples: brokerlake plan --date 2024-10-25; "
    "brokerlake plan --from 2024-10-01 --to 2024-10-25 --from-table gold.customer_360"
)
@click.option("--date", "night", type=Day(), help="The night to plan.")
@click.option("--from", "first", type=Day(), help="First night of a range.")
@click.option("--to", "last", type=Day(), help="Last night of a range.")
@from_table_option
@as_of_option
@click.pass_obj
def plan(
    place: Workplace, night: date | None, first: date | None, last: date | None, from_table: str | None, as_of: str
) -> None:
    """Show what a night or a range would run, what it would skip, and why."""
    if (night is None) == (first is None and last is None) or (first is None) != (last is None):
        raise click.UsageError("say --date, or --from and --to")
    if night is not None and from_table is not None:
        raise click.UsageError("--from-table goes with --from and --to")
    steps = _plan_steps(place.lake(), night, first, last, from_table, as_of)
    show(
        listing(
            ["table", "group", "dates", "action", "reason"],
            [(step.table, step.group, _span(step.dates), step.action, step.reason) for step in steps],
        )
    )
    running = sum(step.action == "run" for step in steps)
    click.echo(f"{running} tables to run, {len(steps) - running} to skip")


@click.command(epilog="Example: brokerlake nightly --date 2024-10-25")
@night_option
@click.pass_obj
def nightly(place: Workplace, night: date) -> None:
    """Run a whole night in this process and publish it; the same command again resumes it."""
    from brokerlake.run.nightly import run_night

    lake = place.lake()
    with long_work(lake.settings.logs, f"nightly-{night}") as progress:
        release = run_night(lake, night, progress)
    tell_release(release)


@click.command(epilog="Example: brokerlake group trading --date 2024-10-25")
@click.argument("name")
@night_option
@click.pass_obj
def group(place: Workplace, name: str, night: date) -> None:
    """Run one group of a night: landing, a group of the catalogue, publish or report."""
    from brokerlake.run.nightly import run_group

    lake = place.lake()
    with long_work(lake.settings.logs, f"group-{name}-{night}") as progress:
        run_group(lake, name, night, progress)


@click.command(epilog="Example: brokerlake table gold.rfm --date 2024-10-25")
@click.argument("name")
@night_option
@click.pass_obj
def table(place: Workplace, name: str, night: date) -> None:
    """Run one table of a night; its sources must have passed. Publishes nothing."""
    from brokerlake.run.nightly import run_table

    lake = place.lake()
    lake.catalogue[name]
    with long_work(lake.settings.logs, f"table-{name}-{night}") as progress:
        run_table(lake, name, night, progress)


@click.command(epilog="Example: brokerlake backfill --from 2024-10-01 --to 2024-10-25 --from-table gold.customer_360")
@click.option("--from", "first", type=Day(), required=True, help="First night.")
@click.option("--to", "last", type=Day(), required=True, help="Last night.")
@from_table_option
@as_of_option
@click.pass_obj
def backfill(place: Workplace, first: date, last: date, from_table: str | None, as_of: str) -> None:
    """Run a range of nights in one pass and publish it as one release."""
    from brokerlake.run.backfill import Range, range_dates, run_backfill

    lake = place.lake()
    range_dates(lake, Range(first, last, from_table, as_of))
    with long_work(lake.settings.logs, f"backfill-{first}-{last}") as progress:
        release = run_backfill(lake, first, last, from_table=from_table, as_of=as_of, progress=progress)
    tell_release(release)
