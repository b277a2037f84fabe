"""What a night takes: deliveries found, assigned to nights, verified, and recorded in ops.manifests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from brokerlake.landing import Delivery, assign_nights, check_required, find_deliveries, refuse_without_room, verify
from brokerlake.plan.state import PASSED, Done, sha256
from brokerlake.run.context import MANIFESTS, Run
from brokerlake.tables import delta_files, ops, staging


def published_manifests(run: Run) -> list[dict[str, Any]]:
    """Rows of ops.manifests as of the base release."""
    version = run.base.vector.get(MANIFESTS) if run.base else None
    return ops.read_ops(run.lake.settings, "manifests", version=version).to_pylist() if version is not None else []


def take_deliveries(run: Run) -> None:
    """Record what each night of the run takes; published nights keep what they took.

    Raises LandingError when a required feed is missing or a file is not what its manifest says, DiskError when the
    disk has too little room for them.
    """
    staging.drop_leftovers(run.staging.parent, run.staging.name)
    lake, newest = run.lake, run.base.night if run.base else None
    published = published_manifests(run)
    open_nights = [night for night in run.dates.landed if newest is None or night > newest]
    taken = {(row["feed"], row["business_date"], row["sequence"]) for row in published}
    found = find_deliveries(lake.settings, lake.feeds, skip=taken)
    assigned = assign_nights(
        found,
        calendar=lake.calendar,
        last_published=newest,
        nights=open_nights,
        taken=_highest_sequences(published, newest),
    )
    for night in open_nights:
        check_required(lake.feeds, assigned[night], night)
    deliveries = [delivery for night in open_nights for delivery in assigned.get(night, [])]
    refuse_without_room(lake.settings, deliveries)
    run.progress(f"landing: {len(deliveries)} deliveries for {len(open_nights)} nights, verifying")
    for delivery in deliveries:
        verify(delivery, lake.settings)
    rows = [_manifest_row(run, night, delivery) for night in open_nights for delivery in assigned[night]]
    _record(run, open_nights, rows)
    load_deliveries(run)


def _highest_sequences(published: Sequence[Mapping[str, Any]], newest: date | None) -> dict[tuple[str, date], int]:
    """By feed and business date, what the published nights took; a replay replaces nothing and does not count."""
    highest: dict[tuple[str, date], int] = {}
    for row in published:
        if row["kind"] != "replay" and newest is not None and row["night"] <= newest:
            about = row["feed"], row["business_date"]
            highest[about] = max(highest.get(about, 0), row["sequence"])
    return highest


def _manifest_row(run: Run, night: date, delivery: Delivery) -> dict[str, Any]:
    return {
        "night": night,
        "feed": delivery.feed,
        "business_date": delivery.business_date,
        "delivered_on": delivery.delivered_on,
        "sequence": delivery.sequence,
        "kind": delivery.kind,
        "file_count": len(delivery.files),
        "bytes": sum(file.bytes for file in delivery.files),
        "rows": delivery.rows,
        "control_sums": json.dumps({name: str(value) for name, value in delivery.control_sums.items()}, sort_keys=True),
        "folder": str(delivery.folder.relative_to(run.lake.settings.landing)),
        "content_hash": delivery.content_hash,
        "is_superseded": delivery.is_superseded,
        "run_id": run.run_id,
    }


def _content(rows: Sequence[Mapping[str, Any]], nights: Sequence[date]) -> dict[date, str]:
    by_night: dict[date, list[str]] = {night: [] for night in nights}
    for row in rows:
        by_night[row["night"]].append(f"{row['feed']}/{row['business_date']}/{row['sequence']}/{row['content_hash']}")
    return {night: sha256(*sorted(parts)) for night, parts in by_night.items()}


def _record(run: Run, nights: Sequence[date], rows: Sequence[Mapping[str, Any]]) -> None:
    content = _content(rows, nights)
    done = {night: run.state.get(MANIFESTS, night) for night in nights}
    if not nights or all((was := done[night]) and was.digest == content[night] for night in nights):
        return
    run.check_lease()
    path, settings = ops.ops_path(run.lake.settings, "manifests"), run.lake.settings
    if MANIFESTS in run.state.vector:
        delta_files.restore(path, run.state.vector[MANIFESTS])
    predicate = f"night >= '{nights[0]}' AND night <= '{nights[-1]}'"
    version = ops.replace_ops(settings, "manifests", ops.as_table("manifests", rows), predicate, {"run_id": run.run_id})
    run.record_rows(
        MANIFESTS, {night: Done(version, content[night], content[night], 0, "{}") for night in nights}, PASSED
    )


def load_deliveries(run: Run) -> None:
    """Fill `run.manifests`, and `run.deliveries` with the content hash of what each (feed, night) took."""
    version = run.state.vector.get(MANIFESTS)
    rows = ops.read_ops(run.lake.settings, "manifests", version=version).to_pylist() if version is not None else []
    run.manifests.clear()
    for row in rows:
        run.manifests.setdefault((row["feed"], row["night"]), []).append(row)
    for (feed, night), taken in run.manifests.items():
        parts = sorted(f"{row['business_date']}/{row['sequence']}/{row['content_hash']}" for row in taken)
        run.deliveries[(feed, night)] = sha256(*parts)


def taken_deliveries(run: Run, feed: str, nights: Sequence[date]) -> dict[date, list[Delivery]]:
    """The deliveries of a feed that these nights took, superseded ones too."""
    row_of = {
        (row["business_date"], row["sequence"]): row
        for (name, _), rows in run.manifests.items()
        if name == feed
        for row in rows
    }
    others = {(feed, *key) for key, row in row_of.items() if row["night"] not in nights}
    taken: dict[date, list[Delivery]] = {night: [] for night in nights}
    for delivery in find_deliveries(run.lake.settings, {feed: run.lake.feeds[feed]}, skip=others):
        row = row_of.get((delivery.business_date, delivery.sequence))
        if row is not None:
            taken[row["night"]].append(replace(delivery, is_superseded=row["is_superseded"]))
    return taken


def stale_feeds(run: Run, night: date) -> dict[str, str | None]:
    """Optional feeds that brought nothing on `night`, with the last business date they did bring."""
    grouped = run.manifests
    stale: dict[str, str | None] = {}
    for feed in run.lake.feeds:
        if (feed, night) not in grouped:
            dates = [
                row["business_date"]
                for (name, on), rows in grouped.items()
                if name == feed and on < night
                for row in rows
            ]
            stale[feed] = str(max(dates)) if dates else None
    return stale
