"""Commands about who holds the lake."""

from __future__ import annotations

import click

from brokerlake.cli.workplace import Workplace


@click.group(
    invoke_without_command=True, epilog="Examples: brokerlake lease; brokerlake lease break --why 'host is gone'"
)
@click.pass_context
def lease(context: click.Context) -> None:
    """Say which run holds the lake; `break` takes it from a run that is gone."""
    from brokerlake.lease import describe_lease

    if context.invoked_subcommand is None:
        click.echo(describe_lease(context.obj.settings()))


@lease.command("break", epilog="Example: brokerlake lease break --why 'host is gone'")
@click.option("--why", required=True, help="The reason, kept beside the lease.")
@click.pass_obj
def break_(place: Workplace, why: str) -> None:
    """Take the lake from the run that holds it; what that run left unpublished is not read again."""
    from brokerlake.lease import break_lease

    before = break_lease(place.settings(), why)
    click.echo(f"the lake is free; {before.run_id} held it in epoch {before.epoch}")
