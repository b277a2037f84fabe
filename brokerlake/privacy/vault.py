"""vault.identities: the one table with clear values. One row per token; appended to, never rewritten in a night."""

from __future__ import annotations

import fcntl
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from brokerlake.errors import ConfigurationError
from brokerlake.privacy.keys import TokenKey, current_key, version_number
from brokerlake.privacy.tokens import IDENTITIES_SCHEMA, Tokeniser, token_of
from brokerlake.settings import Settings
from brokerlake.tables import delta_files


def identities_path(settings: Settings) -> Path:
    """Folder of `vault.identities`."""
    return settings.vault / "identities"


def open_tokeniser(settings: Settings, kinds: Iterable[str]) -> Tokeniser:
    """What makes the tokens of these kinds of identity: the current key, and the tokens of its other versions.

    Raises ConfigurationError when the key is not the one its version signed with before.
    """
    key, path, wanted = current_key(settings), identities_path(settings), sorted(set(kinds))
    if not wanted or delta_files.head(path) is None:
        return Tokeniser(key)
    is_wanted, is_own = pc.field("kind").isin(wanted), pc.field("key_version") == key.version
    rows = DeltaTable(path).to_pyarrow_dataset()
    _refuse_another_key(rows.head(1, columns=["kind", "value", "token"], filter=is_wanted & is_own), key)
    older = rows.to_table(columns=["kind", "value", "token", "key_version"], filter=is_wanted & ~is_own)
    kept: dict[str, dict[str, str]] = defaultdict(dict)
    for row in sorted(older.to_pylist(), key=lambda row: version_number(row["key_version"])):
        kept[row["kind"]].setdefault(row["value"], row["token"])
    return Tokeniser(key, kept)


def _refuse_another_key(signed: pa.Table, key: TokenKey) -> None:
    for row in signed.to_pylist():
        if token_of(key, row["kind"], row["value"]) != row["token"]:
            raise ConfigurationError(f"keys: {key.version} is not the key that made the tokens of {key.version}")


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
