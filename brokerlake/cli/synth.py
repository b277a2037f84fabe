"""`brokerlake synth`: extracts of a made-up broker."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import click

from brokerlake.cli.progress import Progress
from brokerlake.cli.workplace import Day, Workplace
from brokerlake.errors import PlanError

HISTORY_START = date(2023, 3, 1)
MOST_PROCESSES = 8
DAYS_ALONE = 40
"""Trading days up to which one process writes them: starting others takes as long, and large days come few at once."""


@click.command(epilog="Example: brokerlake synth --customers 2000 --from 2023-03-01 --to 2023-03-31")
@click.option("--from", "first", type=Day(), help="First day to write; the broker's first when left out.")
@click.option("--to", "last", type=Day(), required=True, help="Last day to write.")
@click.option("--customers", type=click.IntRange(1), default=2000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--executions-per-day", "executions", type=click.IntRange(0), help="Instead of the customers' own pace.")
@click.option("--events-per-day", "events", type=click.IntRange(0), help="Instead of the customers' own pace.")
@click.option("--faults/--no-faults", default=True, show_default=True, help="Plant faults and write their ledger.")
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
    executions: int | None,
    events: int | None,
    faults: bool,
    landing: Path | None,
    truth: Path | None,
    history_start: date,
) -> None:
    """Write the extracts of a made-up broker for the trading days of a range; same arguments, same bytes."""
    lake = place.lake()
    days = lake.calendar.between(first or history_start, last)
    if not days:
        raise PlanError(f"synth: no trading day from {first or history_start} to {last}")
    from brokerlake.rights import close_folders, make_closed
    from brokerlake.synthetic.generate import generate

    settings = lake.settings
    landing, truth = landing or settings.landing, truth or settings.home / "truth"
    make_closed(landing)
    make_closed(truth)
    close_folders(settings)
    with Progress() as progress:
        try:
            generate(
                landing=landing,
                truth=truth,
                customers=customers,
                seed=seed,
                first=days[0],
                last=days[-1],
                calendar_dates=lake.calendar.between(history_start, lake.calendar.last),
                history_start=history_start,
                executions_per_day=executions,
                events_per_day=events,
                faults=faults,
                processes=min(os.cpu_count() or 1, MOST_PROCESSES) if len(days) > DAYS_ALONE else 1,
                progress=progress,
            )
        except ValueError as refused:
            raise PlanError(f"synth: {refused}") from refused
