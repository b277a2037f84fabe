"""One row per publish in `ops.releases`: the version of every table together, so nobody sees half a night."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from brokerlake.errors import ReleaseError
from brokerlake.lease import hold
from brokerlake.settings import Settings
from brokerlake.tables import ops


@dataclass(frozen=True)
class Release:
    """A published state of the lake.

    Attributes:
        number: counts up by one.
        kind: nightly, backfill, restate, restrict or rollback.
        night: newest night in it.
        first_date: first date the run wrote.
        vector: version of every table, ops.manifests and ops.ledger included.
        public: tables readers may see.
        stale_feeds: optional feed -> last business date it delivered, ISO text or null.
    """

    number: int
    run_id: str
    kind: str
    night: date
    first_date: date
    published_at: datetime
    vector: Mapping[str, int]
    public: tuple[str, ...]
    stale_feeds: Mapping[str, str | None]
    note: str | None = None


def _from_row(row: Mapping[str, Any]) -> Release:
    return Release(
        number=row["number"],
        run_id=row["run_id"],
        kind=row["kind"],
        night=row["night"],
        first_date=row["first_date"],
        published_at=row["published_at"],
        vector=json.loads(row["vector"]),
        public=tuple(json.loads(row["public"])),
        stale_feeds=json.loads(row["stale_feeds"]),
        note=row["note"],
    )


def read_releases(settings: Settings) -> list[Release]:
    """Every release, oldest first."""
    found = [_from_row(row) for row in ops.read_ops(settings, "releases").to_pylist()]
    return sorted(found, key=lambda release: release.number)


def current_release(settings: Settings) -> Release | None:
    """The newest release, None for an empty lake."""
    releases = read_releases(settings)
    return releases[-1] if releases else None


def find_release(settings: Settings, number: int | None = None, night: date | None = None) -> Release:
    """The release with that number, the newest one of that night, or the current one; ReleaseError when none."""
    releases = read_releases(settings)
    if number is not None:
        releases = [release for release in releases if release.number == number]
    if night is not None:
        releases = [release for release in releases if release.night == night]
    if not releases:
        asked = f"number {number}" if number is not None else f"night {night}" if night else "any"
        raise ReleaseError(f"releases: {asked}: none is published")
    return releases[-1]


def publish_release(
    settings: Settings,
    *,
    run_id: str,
    kind: str,
    night: date,
    first_date: date,
    vector: Mapping[str, int],
    public: tuple[str, ...],
    stale_feeds: Mapping[str, str | None],
    note: str | None = None,
) -> Release:
    """Append the one row that makes a run visible; the release."""
    before = current_release(settings)
    number = before.number + 1 if before else 1
    row = {
        "number": number,
        "run_id": run_id,
        "kind": kind,
        "night": night,
        "first_date": first_date,
        "published_at": datetime.now(UTC),
        "vector": json.dumps(dict(sorted(vector.items()))),
        "public": json.dumps(sorted(public)),
        "stale_feeds": json.dumps(dict(sorted(stale_feeds.items()))),
        "note": note,
    }
    ops.append_ops(settings, "releases", ops.as_table("releases", [row]), {"run_id": run_id, "release": number})
    return _from_row(row)


def rollback(settings: Settings, number: int) -> Release:
    """Publish the vector of release `number` again as a new release; raises LeaseError while a run is at work."""
    target, run_id = find_release(settings, number=number), f"rollback:{number}"
    with hold(settings, run_id) as lease, lease.committing():
        return publish_release(
            settings,
            run_id=run_id,
            kind="rollback",
            night=target.night,
            first_date=target.first_date,
            vector=target.vector,
            public=target.public,
            stale_feeds=target.stale_feeds,
            note=f"back to release {number}",
        )
