"""A small made-up broker in a folder, and readers of what it wrote, independent of the writer."""

from __future__ import annotations

import atexit
import gzip
import json
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from brokerlake.synthetic.formats import FEEDS, FeedFormat
from brokerlake.synthetic.generate import generate

START = date(2023, 3, 1)
WEEKDAYS = [day for day in (START + timedelta(n) for n in range(60)) if day.weekday() < 5]


def make(folder: Path, first: int = 0, last: int = 2, customers: int = 150, **more) -> Path:
    """Deliveries of the days first … last (indexes of WEEKDAYS) below `folder`."""
    generate(
        landing=folder / "landing",
        truth=folder / "truth",
        customers=customers,
        first=WEEKDAYS[first],
        last=WEEKDAYS[last],
        calendar_dates=WEEKDAYS,
        history_start=START,
        **more,
    )
    return folder


@cache
def broker_of_a_month() -> Path:
    """1,500 customers, 20 trading days, with faults; made once a test run and gone after it."""
    folder = Path(mkdtemp(prefix="made-up-broker-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    return make(folder, 0, 19, 1500)


def contents(folder: Path) -> dict[str, bytes]:
    """Bytes by path of everything below the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def raw_bytes(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def lines(path: Path, feed: FeedFormat) -> list[str]:
    """All lines of a text file, the header included."""
    return raw_bytes(path).decode(feed.encoding).removesuffix("\n").split("\n")


def records(landing: Path, name: str, when: date | None = None, sequence: int | None = None) -> list[dict]:
    """The well-formed records of a feed (CSV without quoted line ends), over all dates or one."""
    import csv

    feed, found = FEEDS[name], []
    for path in sorted((landing / name).glob(f"{when or '*'}/seq={sequence or '*'}/*")):
        if path.name == "manifest.json" or path.suffix in (".xlsx", ".parquet"):
            continue
        if feed.kind == "json_lines":
            found += [record for line in lines(path, feed) if (record := _object(line)) is not None]
        else:
            rows = list(csv.reader(lines(path, feed), delimiter=feed.delimiter))
            found += [dict(zip(rows[0], row, strict=True)) for row in rows[1:] if len(row) == len(rows[0])]
    return found


def _object(line: str) -> dict | None:
    try:
        return json.loads(line)
    except ValueError:
        return None
