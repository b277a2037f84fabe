"""Hostile files: each function writes one into a home, or gives its bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from brokerlake.ingest import feed_source
from brokerlake.settings import load_settings
from jobs.bronze.batch import SourceColumn
from tests.brokerlake.landing.hand_over import source_columns
from tests.conftest import PROJECT
from tests.security.offered import json_file, offer, parquet_file, sheet_file, text_file

FLOWS, EVENTS, SPEND, POSITIONS = "trading_cash_flows", "web_events", "channel_ad_spend", "trading_positions"
GIB = 1 << 30
PIECE = 8 << 20
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
Prepare = Callable[[Path], object]


def yaml(name: str, text: str | bytes) -> Prepare:
    """A file of the home, behind what the project has of that name."""

    def write(home: Path) -> None:
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if path.parent.name == "conf" and path.name != "base.yaml":
            (path.parent / "base.yaml").touch()

    return write


def link_out(home: Path) -> None:
    (home / "conf").mkdir()
    (home / "conf" / "base.yaml").symlink_to("/etc/passwd")


def pipe_as_conf(home: Path) -> None:
    (home / "conf").mkdir()
    os.mkfifo(home / "conf" / "base.yaml")


def file(feed: str, name: str, content: Callable[[], bytes]) -> Prepare:
    """A delivery of one file under a true manifest."""
    return lambda home: offer(load_settings(home=home, profile="local"), feed, name, content())


def manifest_as(change: Callable[[Path], None]) -> Prepare:
    """A good delivery whose folder is then changed."""

    def write(home: Path) -> None:
        change(offer(load_settings(home=home, profile="local"), FLOWS, "f.txt", text_file(FLOWS, "|")))

    return write


def replaced(folder: Path, name: str) -> Path:
    (folder / name).unlink()
    return folder / name


def named(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["files"][0]["name"] = name
        (folder / "manifest.json").write_text(json.dumps(manifest))

    return change


def move_out(folder: Path) -> None:
    feed = folder.parent.parent
    outside = feed.parent.parent / "elsewhere"
    shutil.move(feed, outside)
    feed.symlink_to(outside)


def zipped(piece: bytes, times: int) -> bytes:
    """The piece many times over, as members of one gzip file."""
    return gzip.compress(piece * 8, 9, mtime=0) * (times // 8)


def large_line(home: Path) -> None:
    """1 GB without a line feed; behind the first megabytes the file is a hole."""
    folder = offer(load_settings(home=home, profile="local"), FLOWS, "f.txt", b"")
    with (folder / "f.txt").open("wb") as out:
        out.write(b"x" * 2 * PIECE)
        out.truncate(GIB)
    with (folder / "f.txt").open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][0] |= {"bytes": GIB, "sha256": digest}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def objects() -> bytes:
    """8 million good events that unfold to a thousand times the file."""
    return zipped(json_file(EVENTS) * 20_000, 400)


def stated_objects(home: Path) -> None:
    """The same under a manifest that says how many they are."""
    offer(load_settings(home=home, profile="local"), EVENTS, "e.gz", objects(), 8_000_000)


def deep(opening: str, closing: str) -> bytes:
    line = json_file(EVENTS, properties="PLACE").decode()
    return gzip.compress(line.replace('"PLACE"', opening * 100_000 + "1" + closing * 100_000).encode())


def header() -> list[str]:
    return source_columns(SPEND)


def workbook(**parts: bytes | Callable[[bytes], bytes]) -> bytes:
    """A good workbook with some of its parts replaced or added; `__` in a name stands for a slash."""
    plain, out = io.BytesIO(sheet_file([header(), ["1"] * len(header())])), io.BytesIO()
    changed = {name.replace("__", "/") + ".xml": part for name, part in parts.items()}
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in {*old.namelist(), *changed}:
            part = changed.get(name, lambda content: content)
            new.writestr(name, part(old.read(name)) if callable(part) else part)
    return out.getvalue()


def laughing(sheet: bytes) -> bytes:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE z [<!ENTITY l0 "lol">{laughs}]>'.encode() + sheet.split(b"?>", 1)[-1]


def lying() -> bytes:
    """A sheet of 300 MB that its archive says has 100 bytes."""
    content = workbook(xl__worksheets__sheet1=b"<worksheet>" + b" " * (300 << 20))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    return content.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))


def encrypted() -> bytes:
    content = bytearray(workbook())
    at = 0
    while (at := content.find(b"PK\x01\x02", at)) >= 0:
        content[at + 8] |= 1
        at += 4
    return bytes(content)


def far_rows(sheet: bytes) -> bytes:
    return sheet.replace(b'<row r="2"', b'<row r="999999999"').replace(b'r="A2"', b'r="A999999999"')


def positions(rows: int = 1, **values: pa.Array) -> bytes:
    delivered = feed_source(load_settings(home=PROJECT, profile="local"), POSITIONS).columns
    columns = [SourceColumn(c.name, str(c.get("source_type", "string"))) for c in delivered]
    return parquet_file(columns, rows, **values)


def repeated(value: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([value]))


def catalogue(name: str, more: str = "") -> str:
    return f"groups: [g]\ntables:\n  {name}: {{owner: o, impact: tier_1, group: g, readers: [r]{more}}}\n"


def write_manifest(content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / "manifest.json").write_bytes(content) and None
