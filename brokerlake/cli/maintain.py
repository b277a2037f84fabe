"""The command that keeps a lake from growing by what nobody needs."""

from __future__ import annotations

import click

from brokerlake.cli.progress import long_work
from brokerlake.cli.workplace import Workplace, listing, show


@click.command(epilog="Example: brokerlake maintain --dry-run")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be merged and removed.")
@click.pass_obj
def maintain(place: Workplace, dry_run: bool) -> None:
    """Merge small files, and remove files and log entries that none of the last releases needs."""
    from brokerlake.run import maintain as upkeep

    lake = place.lake()
    with long_work(lake.settings.logs, "maintain") as progress:
        done = upkeep.maintain(lake, upkeep.rules_of(lake.settings), progress, dry_run=dry_run)
    touched = [row for row in done if row.is_merged or row.removed_files or row.removed_log_entries]
    if touched:
        show(
            listing(
                ["table", "merged", "files", "log entries", "bytes"],
                [
                    (
                        row.table,
                        "yes" if row.is_merged else None,
                        f"{row.removed_files:,}",
                        f"{row.removed_log_entries:,}",
                        f"{row.freed_bytes:,}",
                    )
                    for row in touched
                ],
            )
        )
    click.echo(upkeep.sentence_of(done, dry_run=dry_run))
