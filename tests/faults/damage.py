"""What goes wrong with a delivery on its way: each function damages one folder; chance comes from the seed's draw."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from brokerlake.errors import BrokerlakeError
from brokerlake.release.releases import read_releases
from tests.faults import small_lake
from tests.faults.extracts import FEEDS, MANIFEST, stated
from tests.faults.small_lake import SmallLake

SEEDS = (1, 2, 3)
Damage = Callable[[Path, random.Random], str]
"""Damages the delivery in a folder; the pattern of the cause that must be told."""


def folder_of(small: SmallLake, feed: str, day: date, sequence: int = 1) -> Path:
    """The folder of one delivery."""
    return small.lake.settings.landing / feed / str(day) / f"seq={sequence}"


def data_file(folder: Path) -> Path:
    """The delivery's one data file."""
    (path,) = [file for file in folder.iterdir() if file.name != MANIFEST]
    return path


@contextmanager
def repaired_after(folder: Path, kept: Path) -> Iterator[Path]:
    """The folder, as it was again afterwards."""
    shutil.copytree(folder, kept)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(kept, folder)


def cause_of_night(small: SmallLake, day: date) -> str:
    """The one line with which the night of `day` stops; what was published before must still be what is served."""
    releases = read_releases(small.lake.settings)
    try:
        small_lake.run_night(small.lake, day)
    except BrokerlakeError as stopped:
        assert "\n" not in str(stopped)
        assert read_releases(small.lake.settings) == releases, "a night that stopped has published"
        return str(stopped)
    raise AssertionError("the night was published")


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Lay other words into the manifest."""
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def agree_on(folder: Path, data: bytes) -> None:
    """Put another file in place, with a manifest that agrees on bytes and checksum but still speaks of the old rows."""
    path = data_file(folder)
    path.write_bytes(data)
    change_manifest(folder, lambda m: m.update(files=[stated(path.name, data, m["rows"])]))


def where(folder: Path) -> str:
    """The delivery as messages name it."""
    return "/".join(folder.parts[-3:])


def cut(folder: Path, draw: random.Random) -> str:
    path = data_file(folder)
    data = path.read_bytes()
    path.write_bytes(data[: draw.randrange(len(data))])
    return f"{where(folder)}/{path.name}: bytes: expected {len(data)}"


def cut_at_line_end(folder: Path, draw: random.Random) -> str:
    path = data_file(folder)
    data = path.read_bytes()
    ends = [at + 1 for at, byte in enumerate(data[:-1]) if byte == 0x0A]
    path.write_bytes(data[: draw.choice(ends)])
    return f"{where(folder)}/{path.name}: bytes: expected {len(data)}"


def cut_before_the_manifest(folder: Path, draw: random.Random) -> str:
    """The extract was cut at the source, whose manifest then took bytes and checksum of what was left."""
    path = data_file(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    agree_on(folder, b"".join(lines[: draw.randrange(1, len(lines))]))
    return f"{where(folder)}/{path.name}: row_count: expected {len(lines) - 1}"


def cut_parquet_before_the_manifest(folder: Path, draw: random.Random) -> str:
    data = data_file(folder).read_bytes()
    agree_on(folder, data[: draw.randrange(len(data))])
    return f"{where(folder)}/{data_file(folder).name}: not_parquet"


def flip_a_bit(folder: Path, draw: random.Random) -> str:
    path = data_file(folder)
    data = bytearray(path.read_bytes())
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(bytes(data))
    return f"{where(folder)}/{path.name}: sha256"


def empty(folder: Path, draw: random.Random) -> str:
    data_file(folder).write_bytes(b"")
    return f"{where(folder)}/{data_file(folder).name}: bytes: expected [0-9]+, found 0"


def empty_before_the_manifest(folder: Path, draw: random.Random) -> str:
    agree_on(folder, b"")
    is_parquet = FEEDS[folder.parent.parent.name]["format"] == "parquet"
    return f"{where(folder)}/{data_file(folder).name}: {'not_parquet' if is_parquet else 'empty_file'}"


def header_only(folder: Path, draw: random.Random) -> str:
    agree_on(folder, data_file(folder).read_bytes().splitlines(keepends=True)[0])
    return f"{where(folder)}/{data_file(folder).name}: row_count: expected [0-9]+, found 0"


def manifest_without_data(folder: Path, draw: random.Random) -> str:
    path = data_file(folder)
    path.unlink()
    return f"{where(folder)}/{path.name}: file_missing"


def data_without_manifest(folder: Path, draw: random.Random) -> str:
    (folder / MANIFEST).unlink()
    return f"feed {folder.parent.parent.name}: required_feed_missing: no delivery for night {folder.parent.name}"


def no_delivery(folder: Path, draw: random.Random) -> str:
    shutil.rmtree(folder)
    return f"feed {folder.parent.parent.name}: required_feed_missing: no delivery for night {folder.parent.name}"


def a_file_too_many(folder: Path, draw: random.Random) -> str:
    (folder / "another.csv").write_bytes(data_file(folder).read_bytes())
    return f"{where(folder)}: file_not_listed"


def wrong_count(folder: Path, draw: random.Random) -> str:
    more = draw.randint(1, 9)

    def lie(manifest: dict[str, Any]) -> None:
        manifest["rows"] += more
        manifest["files"][0]["rows"] += more

    change_manifest(folder, lie)
    return f"{where(folder)}/.*: row_count: expected [0-9]+, found [0-9]+"


def wrong_sum(folder: Path, draw: random.Random) -> str:
    def lie(manifest: dict[str, Any]) -> None:
        column = draw.choice(sorted(manifest["control_sums"]))
        manifest["control_sums"][column] = str(Decimal(manifest["control_sums"][column]) + Decimal("0.01"))

    change_manifest(folder, lie)
    return f"{where(folder)}/{MANIFEST}: control_sum_[a-z_]+: expected"


def wrong_key_hash(folder: Path, draw: random.Random) -> str:
    change_manifest(folder, lambda m: m.update(id_hash_total=str(int(m["id_hash_total"]) + draw.randint(1, 99))))
    return f"{where(folder)}/{MANIFEST}: id_hash_total"


def wrong_checksum(folder: Path, draw: random.Random) -> str:
    change_manifest(folder, lambda m: m["files"][0].update(sha256=f"{draw.getrandbits(256):064x}"))
    return f"{where(folder)}/{data_file(folder).name}: sha256"


def stale_date(folder: Path, draw: random.Random) -> str:
    """Yesterday's manifest in today's folder."""
    before = date.fromisoformat(folder.parent.name) - timedelta(days=draw.randint(1, 5))
    change_manifest(folder, lambda m: m.update(business_date=str(before)))
    return f"{where(folder)}/{MANIFEST}: manifest_not_of_its_folder"


def cut_manifest(folder: Path, draw: random.Random) -> str:
    path = folder / MANIFEST
    text = path.read_text()
    path.write_text(text[: draw.randrange(1, len(text))])
    return f"{where(folder)}/{MANIFEST}: manifest_malformed"
