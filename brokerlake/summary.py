"""The closing words of a night: what was published, what was rejected, what the gate said, where the time went."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brokerlake.cli.verdict import read_checks
from brokerlake.cli.workplace import listing, show
from brokerlake.errors import PlanError
from brokerlake.reader import ReleasedTables
from brokerlake.release.releases import Release
from brokerlake.settings import Settings
from brokerlake.step_times import Clock

if TYPE_CHECKING:
    from brokerlake.lake import Lake

NEXT_STEPS = """What to type next
  make sql                  ask the release in SQL; SHOW TABLES lists what there is
  make report               the steward's page of the night
  make nightly              the next night
  .venv/bin/brokerlake quality | releases | status | plan --date ... | --help"""


def rejected_by_reason(settings: Settings, night: date) -> list[tuple[str, str, str, int]]:
    """(feed, verdict, rule, rows) of the rows of a night that were not kept, most first."""
    import pyarrow.compute as pc

    from brokerlake.tables.ops import read_ops

    rows = read_ops(settings, "rejected", ["night", "run_id", "feed", "verdict", "rule"])
    of_night = rows.filter(pc.equal(rows["night"], night)).to_pylist()
    counted = Counter((row["feed"], row["verdict"], row["rule"]) for row in of_night)
    return [(*reason, count) for reason, count in counted.most_common()]


def newest_page(settings: Settings) -> Path | None:
    """The steward's page written last."""
    pages = sorted(settings.reports.rglob("*.html"), key=lambda page: page.stat().st_mtime)
    return pages[-1] if pages else None


def _tables(settings: Settings, release: Release) -> Any:
    rows = ReleasedTables(settings, release).tables().sort_by("name").to_pylist()
    return listing(
        ["table", "rows", "from", "to"],
        [(row["name"], f"{row['rows']:,}", row["first_date"], row["last_date"]) for row in rows],
    )


def _verdict(settings: Settings, night: date) -> str:
    try:
        return read_checks(settings, night).sentence
    except PlanError as none:
        return str(none)


def show_summary(lake: Lake, release: Release, clock: Clock) -> None:
    """Print all of it."""
    settings = lake.settings
    show(_tables(settings, release))
    rejected = rejected_by_reason(settings, release.night)
    print(f"Rows not kept that night: {sum(reason[-1] for reason in rejected):,}")
    if rejected:
        show(listing(["feed", "verdict", "rule", "rows"], rejected))
    show(listing(["step", "seconds"], [(name, f"{spent:.1f}") for name, spent in clock.seconds.items()]))
    print(f"Release {release.number}: night {release.night}, {len(release.public)} public tables")
    print(f"Quality: {_verdict(settings, release.night)}")
    for feed, last in sorted(release.stale_feeds.items()):
        print(f"Stale: {feed}, last delivered {last or 'never'}")
    page = newest_page(settings)
    print(f"Report: {page or 'none was written'}")
    print(NEXT_STEPS)
