"""`brokerlake rotate-key`: the next version of the token key."""

from __future__ import annotations

import click

from brokerlake.cli.workplace import Workplace


@click.command("rotate-key", epilog="Example: brokerlake rotate-key")
@click.pass_obj
def rotate_key(place: Workplace) -> None:
    """Make the next version of the token key, between two nights; known identities keep their tokens."""
    from brokerlake.lease import hold
    from brokerlake.privacy.keys import key_folder
    from brokerlake.privacy.keys import rotate_key as make_next

    settings = place.settings()
    with hold(settings, "rotate-key"):
        version = make_next(settings).version
    click.echo(f"{key_folder(settings) / version}.key: signs identities that have no token yet; back it up")
