"""Commands about what is published."""

from __future__ import annotations

import click

from brokerlake.cli.workplace import Workplace, listing, show


@click.command(epilog="Example: brokerlake status")
@click.pass_obj
def status(place: Workplace) -> None:
    """Say which run holds the lake, what is served, which night is next and whether its deliveries are there."""
    from brokerlake.lease import describe_lease
    from brokerlake.release.releases import current_release
    from brokerlake.release.restatements import pending
    from brokerlake.schedule.manifests import is_delivered

    lake = place.lake()
    click.echo(describe_lease(lake.settings))
    release = current_release(lake.settings)
    if release is None:
        click.echo("nothing is published yet; `make nightly` runs the first night")
        return
    click.echo(f"serving release {release.number}: night {release.night}, {len(release.public)} public tables")
    for feed, last in sorted(release.stale_feeds.items()):
        click.echo(f"stale: {feed}, last delivered {last or 'never'}")
    click.echo(f"late: {pending(lake.settings, release).sentence}")
    night = lake.calendar.next(release.night)
    missing = [feed for feed in lake.feeds if not is_delivered(lake.settings.landing, feed, night)]
    required = [feed for feed in missing if lake.feeds[feed].get("required")]
    click.echo(f"next night {night}: {len(lake.feeds) - len(missing)} of {len(lake.feeds)} feeds delivered")
    if required:
        click.echo(f"still missing and required: {', '.join(required)}")


@click.command(epilog="Example: brokerlake releases --last 10")
@click.option("--last", "count", type=click.IntRange(1), default=30, show_default=True, help="How many, newest first.")
@click.pass_obj
def releases(place: Workplace, count: int) -> None:
    """List what was published, newest first."""
    from brokerlake.release.releases import read_releases

    found = read_releases(place.settings())
    rows = [
        (
            release.number,
            release.kind,
            release.night,
            f"{release.published_at:%Y-%m-%d %H:%M:%S}",
            len(release.public),
            ", ".join(sorted(release.stale_feeds)) or None,
            release.note,
        )
        for release in reversed(found[-count:])
    ]
    show(listing(["release", "kind", "night", "published (UTC)", "tables", "stale feeds", "note"], rows))


@click.command(epilog="Example: brokerlake rollback --to 12")
@click.option("--to", "number", type=click.IntRange(1), required=True, help="Release to serve again.")
@click.pass_obj
def rollback(place: Workplace, number: int) -> None:
    """Serve an earlier release again, as a new one; the nights after it will be run anew."""
    from brokerlake.release.releases import rollback as roll_back

    release = roll_back(place.settings(), number)
    click.echo(f"release {release.number} serves what release {number} served: night {release.night}")
