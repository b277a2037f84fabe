"""`brokerlake synth`: extracts of a made-up broker."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from brokerlake.cli.progress import Progress
from brokerlake.cli.workplace import Day, Workplace
from brokerlake.errors import PlanError

HISTORY_START = date(2023, 3, 1)


@click.command(epilog="Example: brokerlake synth --customers 2000 --from 2024-10-01 --to 2024-10-31")
@click.option("--from", "first", type=Day(), help="First trading day to write; the history's first when left out.")
@click.option("--to", "last", type=Day(), required=True, help="Last trading day to write.")
@click.option("--customers", type=click.IntRange(1), default=2000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--landing", type=click.Path(file_okay=False, path_type=Path), help="Instead of the lake's landing/.")
@click.option("--truth", type=click.Path(file_okay=False, path_type=Path), help="Instead of the lake's truth/.")
@click.option("--history-start", type=Day(), default=HISTORY_START, show_default=True, help="When the broker began.")
@click.pass_obj
def synth(
    place: Workplace,
    first: date | None,
    last: date,
    customers: int,
    seed: int,
    landing: Path | None,
    truth: Path | None,
    history_start: date,
) -> None:
    """Write the extracts of a made-up broker; the same arguments give the same bytes."""
    from brokerlake.synthetic.generate import generate

    first = first or history_start
    if first > last:
        raise PlanError(f"synth: {first} is after {last}")
    lake = place.lake()
    with Progress() as progress:
        generate(
            landing=landing or lake.settings.landing,
            truth=truth or lake.settings.home / "truth",
            customers=customers,
            seed=seed,
            first=first,
            last=last,
            calendar_dates=lake.calendar.between(history_start, last),
            history_start=history_start,
            progress=progress,
        )
