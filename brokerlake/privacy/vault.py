"""vault.identities: the one table with clear values. One row per token; appended to, never rewritten in a night."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from brokerlake.privacy.tokens import IDENTITIES_SCHEMA
from brokerlake.settings import Settings
from brokerlake.tables import delta_files


def identities_path(settings: Settings) -> Path:
    """Folder of `vault.identities`."""
    return settings.vault / "identities"


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """One writer at a time: reading what is there and appending the rest must not interleave."""
    settings.vault.mkdir(parents=True, exist_ok=True)
    settings.vault.chmod(0o700)
    with (settings.vault / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def keep_identities(settings: Settings, found: pa.Table, metadata: Mapping[str, object]) -> int:
    """Append the identities whose token is not there yet; how many those were."""
    if not found.num_rows:
        return 0
    path = identities_path(settings)
    with _locked(settings):
        if delta_files.head(path) is None:
            DeltaTable.create(
                path, IDENTITIES_SCHEMA, partition_by=["kind"], mode="ignore", configuration=_TABLE_SETTINGS
            )
        kinds = pc.unique(found.column("kind")).to_pylist()
        known = DeltaTable(path).to_pyarrow_table(partitions=[("kind", "in", kinds)], columns=["token"])
        new = found.filter(pc.invert(pc.is_in(found.column("token"), known.column("token"))))
        if new.num_rows:
            delta_files.append(path, new, metadata)
    return new.num_rows


_TABLE_SETTINGS = {**delta_files.TABLE_SETTINGS, "delta.dataSkippingStatsColumns": "token,first_seen"}
