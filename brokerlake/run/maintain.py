"""Weekly upkeep of a lake: small files merged and published, files and log entries that no release needs removed.

The last releases stay readable whatever their age, and so does everything younger than the days to keep. Tables that
stand in no release (most of `ops`, the vault) keep their head.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from brokerlake.errors import PlanError
from brokerlake.lake import Lake
from brokerlake.lease import Lease, hold
from brokerlake.release.releases import Release, publish_release, read_releases
from brokerlake.run.context import Progress
from brokerlake.settings import Settings
from brokerlake.tables import delta_files, housekeeping
from brokerlake.under_way import working_on

KIND = "maintenance"
LEDGER = "ops.ledger"
VAULT = "vault.identities"


@dataclass(frozen=True)
class Rules:
    """How much is kept.

    Attributes:
        releases: the last releases that stay readable.
        days: age under which no file and no log entry is removed.
        files: files of a partition (of `ops` tables: of the table) from which they are merged.
    """

    releases: int
    days: float
    files: int


@dataclass(frozen=True)
class Upkeep:
    """What was (or, in a dry run, would be) done to one table."""

    table: str
    is_merged: bool
    removed_files: int
    removed_log_entries: int
    freed_bytes: int


def rules_of(settings: Settings) -> Rules:
    """The rules of conf's `maintenance`."""
    values = settings.conf["maintenance"]
    return Rules(int(values["keep_releases"]), float(values["keep_days"]), int(values["merge_from_files"]))


def maintain(lake: Lake, rules: Rules, progress: Progress, *, dry_run: bool = False) -> list[Upkeep]:
    """Merge small files and publish that as a release, then remove what is not needed; one row per table.

    A dry run changes nothing and says what would go.

    Raises PlanError when nothing is published yet, LeaseError while a run is at work.
    """
    releases = read_releases(lake.settings)
    if not releases:
        raise PlanError("maintain: nothing is published yet, so there is nothing to keep")
    if dry_run:
        return _keep_up(lake, rules, progress, None)
    with hold(lake.settings, f"maintain:{releases[-1].number}") as lease:
        return _keep_up(lake, rules, progress, lease)


def _keep_up(lake: Lake, rules: Rules, progress: Progress, lease: Lease | None) -> list[Upkeep]:
    """The upkeep itself; without a lease it only looks."""
    settings = lake.settings
    crowded = [name for name in _tables(settings) if _is_crowded(settings, name, rules)]
    if crowded and lease:
        with working_on(progress, "merging small files"):
            _merge(lake, crowded, lease)
        progress(f"small files of {len(crowded)} tables merged")
    pins = _pinned_versions(read_releases(settings)[-rules.releases :])
    done = []
    for name in _tables(settings):
        with working_on(progress, name):
            upkeep = _clean(settings, name, pins.get(name, set()), rules, lease)
        done.append(Upkeep(name, name in crowded, *upkeep))
    return done


def sentence_of(done: Sequence[Upkeep], *, dry_run: bool = False) -> str:
    """The whole of it in one line."""
    files, entries = sum(row.removed_files for row in done), sum(row.removed_log_entries for row in done)
    merged, freed = sum(row.is_merged for row in done), sum(row.freed_bytes for row in done)
    return (
        f"{len(done)} tables: {merged} {'to merge' if dry_run else 'merged'}, {files:,} files and {entries:,} log "
        f"entries {'to remove' if dry_run else 'removed'}, {freed:,} bytes"
    )


def _path(settings: Settings, table: str) -> Path:
    return settings.vault / "identities" if table == VAULT else settings.table_path(table)


def _tables(settings: Settings) -> list[str]:
    """Every Delta table of the lake, and the vault."""
    found = [f"{log.parent.parent.name}.{log.parent.name}" for log in settings.lake.glob("*/*/_delta_log")]
    vault = [VAULT] if (settings.vault / "identities" / "_delta_log").is_dir() else []
    return sorted(found) + vault


def _is_crowded(settings: Settings, table: str, rules: Rules) -> bool:
    return housekeeping.fullest_partition(_path(settings, table)) >= rules.files


def _merge(lake: Lake, tables: Sequence[str], lease: Lease) -> None:
    """Merge the tables' files; those that releases pin are published at their new versions."""
    settings, base = lake.settings, read_releases(lake.settings)[-1]
    vector = dict(base.vector)
    for name in tables:
        lease.check()
        path = _path(settings, name)
        if name in vector and name != LEDGER:
            delta_files.restore(path, vector[name])
        version = delta_files.merge_small_files(path, {"run_id": lease.run_id})
        if name in vector:
            vector[name] = version
    if all(version == base.vector[name] for name, version in vector.items() if name != LEDGER):
        return
    with lease.committing():
        publish_release(
            settings,
            run_id=lease.run_id,
            kind=KIND,
            night=base.night,
            first_date=base.first_date,
            vector=vector,
            public=base.public,
            stale_feeds=base.stale_feeds,
            note=f"the rows of release {base.number}, in fewer files",
        )


def _pinned_versions(releases: Sequence[Release]) -> Mapping[str, set[int]]:
    pins: dict[str, set[int]] = defaultdict(set)
    for release in releases:
        for name, version in release.vector.items():
            pins[name].add(version)
    return pins


def _clean(settings: Settings, table: str, pins: set[int], rules: Rules, lease: Lease | None) -> tuple[int, int, int]:
    """Files and log entries removed, and their bytes; versions after the newest pin may belong to a run to resume."""
    path = _path(settings, table)
    head = delta_files.head(path)
    if head is None:
        return 0, 0, 0
    kept = {*pins, *range(max(pins, default=head), head + 1)}
    spare = housekeeping.find_spare(path, kept, hours=rules.days * 24)
    counts = len(spare.files), len(spare.log), spare.bytes
    if lease:
        lease.check()
        housekeeping.remove(path, spare)
    return counts
