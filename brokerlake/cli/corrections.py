"""Commands for what comes late, comes again, or must not be shown."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from brokerlake.cli.progress import long_work
from brokerlake.cli.runs import tell_release
from brokerlake.cli.workplace import Day, Workplace

_SHOWN = 20
File = click.Path(dir_okay=False, path_type=Path)


@click.command(
    epilog="Example: brokerlake replay --feed crm_contacts --night 2024-10-25 --write landing/repair/contacts.jsonl; "
    "repair the file; brokerlake replay --feed crm_contacts --night 2024-10-25 --from landing/repair/contacts.jsonl"
)
@click.option("--feed", required=True, help="The feed whose rows were rejected.")
@click.option("--night", type=Day(), required=True, help="The published night that rejected them.")
@click.option("--business-date", type=Day(), help="Only rows of this business date, where a night has several.")
@click.option(
    "--write", "target", type=click.Path(dir_okay=False, path_type=Path), help="New file in landing/ to repair."
)
@click.option("--from", "repaired", type=File, help="The repaired rows.")
@click.pass_obj
def replay(
    place: Workplace, feed: str, night: date, business_date: date | None, target: Path | None, repaired: Path | None
) -> None:
    """Bring rejected rows back: write them to a file to be repaired, or hand the repaired file to the next night."""
    if (target is None) == (repaired is None):
        raise click.UsageError("say --write FILE or --from FILE")
    from brokerlake.ingest.replay import hand_over_repaired, rejected_rows, write_rejected

    lake = place.lake()
    rows = rejected_rows(lake, feed, night, business_date)
    if target is not None:
        write_rejected(lake.settings, feed, rows, target)
        for row in rows[:_SHOWN]:
            click.echo(f"{row.file} line {row.line}: {row.rule}")
        more = f" (the first {_SHOWN} are listed)" if len(rows) > _SHOWN else ""
        click.echo(f"{target}: {len(rows)} rejected rows of {feed}, night {night}{more}")
        return
    assert repaired is not None
    delivery = hand_over_repaired(lake, feed, rows[0].business_date, repaired)
    click.echo(f"{delivery.name}: {delivery.rows} of {len(rows)} rejected rows, for night {delivery.delivered_on}")
    click.echo(f"{repaired} is no longer needed; delete it")


@click.command(epilog="Example: brokerlake restate --from 2024-10-21 --to 2024-10-24 --known-through 2024-10-25")
@click.option("--from", "first", type=Day(), required=True, help="First as-of date.")
@click.option("--to", "last", type=Day(), required=True, help="Last as-of date.")
@click.option("--known-through", type=Day(), help="The night whose knowledge counts; the newest one when left out.")
@click.pass_obj
def restate(place: Workplace, first: date, last: date, known_through: date | None) -> None:
    """Make as-of tables of past dates again with what came late, and publish them; later runs keep to it."""
    from brokerlake.run.restate import run_restatement

    lake = place.lake()
    with long_work(lake.settings.logs, f"restate-{first}-{last}") as progress:
        release = run_restatement(lake, first, last, known_through=known_through, progress=progress)
    tell_release(release)


@click.command(epilog="Example: brokerlake restrict --customer 1000000042 --why 'request of 25 October, case 17'")
@click.option("--customer", help="customer_no of the person.")
@click.option("--why", help="The reason, kept in ops.restrictions.")
@click.option("--lift", is_flag=True, help="The person may be shown again.")
@click.option("--list", "is_list", is_flag=True, help="Who is restricted today, since when and why.")
@click.pass_obj
def restrict(place: Workplace, customer: str | None, why: str | None, lift: bool, is_list: bool) -> None:
    """Take a person out of public gold and hide them from every reader, or lift that again."""
    if is_list:
        _list_restrictions(place)
        return
    if not customer or not why:
        raise click.UsageError("say --customer and --why, or --list")
    from brokerlake.run.restrict import lift_restriction, restrict_customer

    lake = place.lake()
    if lift:
        lift_restriction(lake, customer, why)
        click.echo("readers show the person again; new nights have them in gold, older dates after a backfill")
        return
    tell_release(restrict_customer(lake, customer, why, click.echo))


def _list_restrictions(place: Workplace) -> None:
    from brokerlake.privacy.restrictions import restrictions_today

    decisions = restrictions_today(place.lake().settings)
    for row in decisions:
        click.echo(f"{row['customer_no']} since {row['decided_at']:%Y-%m-%d %H:%M} UTC: {row['why']}")
    if not decisions:
        click.echo("nobody is restricted")
