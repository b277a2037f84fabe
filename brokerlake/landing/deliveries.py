"""Deliveries: `landing/<feed>/<business_date>/seq=<n>/` with data files and, written last, manifest.json.

A folder without a manifest is a delivery still being written and does not exist yet.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from brokerlake.errors import LandingError
from brokerlake.settings import Settings

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
LARGEST_MANIFEST_BYTES = 5 << 20
_SEQUENCE = re.compile(r"seq=([1-9][0-9]{0,5})")
_FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}$")]
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Decimal = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,30}(\.[0-9]{1,12})?$")]
_Count = Annotated[int, Field(ge=0)]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: _FileName
    bytes: _Count
    sha256: _Sha256
    rows: _Count


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    feed: str
    business_date: date
    delivered_on: date
    sequence: Annotated[int, Field(ge=1)]
    schema_version: int
    kind: Literal["facts", "changes", "snapshot", "replay"]
    files: list[_File]
    rows: _Count
    control_sums: dict[str, _Decimal]
    id_hash_total: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,30}$")]


@dataclass(frozen=True)
class DeliveredFile:
    """One data file as its manifest states it; `rows` counts data lines, malformed ones too."""

    name: str
    bytes: int
    sha256: str
    rows: int


@dataclass(frozen=True)
class Delivery:
    """One extract of one feed for one business date.

    Attributes:
        business_date: what the extract speaks of.
        delivered_on: when it was handed over.
        sequence: a higher one replaces a lower one of the same feed and business date whole.
        kind: facts, changes, snapshot or replay; a replay adds rows and replaces nothing.
        control_sums: exact sums of the contract's control columns.
        id_hash_total: sum of crc32 over the key text of the rows.
        content_hash: sha256 of the manifest, which names the sha256 of every file.
        is_superseded: a higher sequence of the same night, or of an earlier one, replaces it.
    """

    feed: str
    business_date: date
    delivered_on: date
    sequence: int
    kind: str
    schema_version: int
    folder: Path
    files: tuple[DeliveredFile, ...]
    rows: int
    control_sums: Mapping[str, Decimal]
    id_hash_total: int
    content_hash: str = ""
    is_superseded: bool = False

    @property
    def identity(self) -> tuple[str, date, int]:
        """Feed, business date and sequence: no two deliveries share it."""
        return self.feed, self.business_date, self.sequence

    @property
    def name(self) -> str:
        """The folder relative to landing, e.g. `trading_orders/2024-03-01/seq=1`."""
        return f"{self.feed}/{self.business_date}/seq={self.sequence}"


def fault(feed: str, file: str, rule: str, sentence: str) -> LandingError:
    """The one-line error of a delivery: feed, file, rule, and what is wrong; a name that is no plain text is masked."""
    return LandingError(f"feed {plain(feed)}: {plain(file)}: {rule}: {sentence}")


def plain(name: str) -> str:
    """A name that somebody else chose, as an error line may show it: 200 plain characters at most."""
    return re.sub(r"[^A-Za-z0-9_.=/,\- ]", "?", name[:200])


def field_name(name: str) -> str:
    """A field, column or feed that a manifest names, where the name can be no content; else a question mark."""
    return name if re.fullmatch(r"[a-z][a-z_]{0,59}|[0-9]{1,4}", name) else "?"


def find_deliveries(
    settings: Settings, feeds: Mapping[str, Mapping[str, Any]], skip: Collection[tuple[str, date, int]] = ()
) -> list[Delivery]:
    """Every complete delivery of the configured feeds, by feed, business date and sequence.

    Those in `skip` (feed, business date, sequence), taken before, are not opened. Raises LandingError naming feed,
    file and rule for a manifest that is not what it must be.
    """
    taken = set(skip)
    found = []
    for feed in feeds:
        for folder, business_date, sequence in _folders(settings.landing, feed):
            if (feed, business_date, sequence) not in taken and (folder / MANIFEST).exists():
                found.append(_read_manifest(folder, feed, business_date, sequence))
    return found


def read_delivery(folder: Path) -> Delivery:
    """The delivery in one `seq=<n>` folder; raises LandingError when its manifest is missing or malformed."""
    sequence = _SEQUENCE.fullmatch(folder.name)
    feed, day = folder.parent.parent.name, folder.parent.name
    name = f"{feed}/{day}/{folder.name}"
    if sequence is None:
        raise fault(feed, name, "folder_name", "expected seq=<number>")
    if not (folder / MANIFEST).exists():
        raise fault(feed, f"{name}/{MANIFEST}", "file_missing", "the delivery has no manifest")
    return _read_manifest(folder, feed, date.fromisoformat(day), int(sequence[1]))


def _folders(landing: Path, feed: str) -> Iterator[tuple[Path, date, int]]:
    if not (landing / feed).is_dir():
        return
    for day in sorted(p for p in (landing / feed).iterdir() if p.is_dir()):
        try:
            business_date = date.fromisoformat(day.name)
        except ValueError:
            raise fault(feed, f"{feed}/{day.name}", "folder_name", "the folder's name is no date") from None
        sequences = []
        for folder in (p for p in day.iterdir() if p.is_dir()):
            match = _SEQUENCE.fullmatch(folder.name)
            if match is None:
                raise fault(feed, f"{feed}/{day.name}/{folder.name}", "folder_name", "expected seq=<number>")
            sequences.append((int(match[1]), folder))
        for sequence, folder in sorted(sequences):
            yield folder, business_date, sequence


def _read_manifest(folder: Path, feed: str, business_date: date, sequence: int) -> Delivery:
    file = f"{feed}/{business_date}/seq={sequence}/{MANIFEST}"
    path = folder / MANIFEST
    found = path.lstat()
    if folder.is_symlink() or not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_MANIFEST_BYTES:
        raise fault(feed, file, "manifest_not_a_file", "a manifest is a plain file of at most 5 MB")
    try:
        content = path.read_bytes()
        manifest = _Manifest.model_validate_json(content)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(field_name(str(part)) for part in first["loc"][:4]) or "file"
        raise fault(feed, file, "manifest_malformed", f"{where}: {first['msg'].splitlines()[0]}") from None
    _check_manifest(manifest, file, feed, business_date, sequence)
    return Delivery(
        feed=feed,
        business_date=business_date,
        delivered_on=manifest.delivered_on,
        sequence=sequence,
        kind=manifest.kind,
        schema_version=manifest.schema_version,
        folder=folder,
        files=tuple(DeliveredFile(f.name, f.bytes, f.sha256, f.rows) for f in manifest.files),
        rows=manifest.rows,
        control_sums={name: Decimal(text) for name, text in manifest.control_sums.items()},
        id_hash_total=int(manifest.id_hash_total),
        content_hash=hashlib.sha256(content).hexdigest(),
    )


def _check_manifest(manifest: _Manifest, file: str, feed: str, business_date: date, sequence: int) -> None:
    said = (manifest.feed, manifest.business_date, manifest.sequence)
    if said != (feed, business_date, sequence):
        sentence = f"says {field_name(said[0])} {said[1]} sequence {said[2]}"
        raise fault(feed, file, "manifest_not_of_its_folder", sentence)
    if manifest.schema_version != SCHEMA_VERSION:
        raise fault(feed, file, "schema_version", f"{manifest.schema_version}, known is {SCHEMA_VERSION}")
    if manifest.delivered_on < business_date:
        sentence = f"delivered_on {manifest.delivered_on} is before business_date {business_date}"
        raise fault(feed, file, "delivered_before_its_date", sentence)
    names = [entry.name for entry in manifest.files]
    if len(set(names)) != len(names):
        raise fault(feed, file, "file_listed_twice", "a file stands twice in the manifest")
    total = sum(entry.rows for entry in manifest.files)
    if total != manifest.rows:
        raise fault(feed, file, "row_count", f"the files' rows add up to {total}, the manifest says {manifest.rows}")
