"""The floor: read and gunzip the bytes delivered, write the rows of the six outputs, with PyArrow and no thought.

    python -m benchmarks.floor --home HOME --night 2024-09-05 --outputs FOLDER --report FILE

`--outputs` holds the outputs as `benchmarks.beside` made them; bringing them into memory counts for nobody.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.beside.sources import OUTPUTS, Night
from benchmarks.prepare import open_home

FEEDS = ("trading_executions", "trading_cash_flows", "web_events")
_BLOCK = 4 << 20


def read_delivered(night: Night) -> int:
    """Bytes of the three feeds after gunzip."""
    total = 0
    for file in [file for feed in FEEDS for file in night.delivered(feed)]:
        with pa.input_stream(str(file), compression="detect", buffer_size=_BLOCK) as stream:
            while block := stream.read(_BLOCK):
                total += len(block)
    return total


def write_rows(rows: dict[str, pa.Table], folder: Path) -> int:
    """Write the outputs as Parquet with zstd; bytes on disk."""
    total = 0
    for name, table in rows.items():
        file = folder / f"floor-{name}.parquet"
        pq.write_table(table, file, compression="zstd", compression_level=1, use_dictionary=False)
        total += file.stat().st_size
        file.unlink()
    return total


def main() -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--night", type=date.fromisoformat, required=True)
    parser.add_argument("--outputs", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    given = parser.parse_args()
    night = Night(open_home(given.home), given.night, {}, given.outputs)
    rows = {name: pq.read_table(given.outputs / f"{name}.parquet") for name in OUTPUTS}
    cpu, wall = time.process_time(), time.monotonic()
    delivered = read_delivered(night)
    written = write_rows(rows, given.outputs)
    found = {
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.monotonic() - wall,
        "bytes_read": delivered,
        "bytes_written": written,
    }
    given.report.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
