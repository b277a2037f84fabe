"""A reader that polls the public tables of a lake until it is told to stop: one JSON line a poll."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from brokerlake.reader import open_release
from brokerlake.settings import Settings, load_settings

SIGNAL = signal.SIGUSR1
PAUSE_SECONDS = 0.2


def described(settings: Settings, number: int | None = None) -> dict[str, Any]:
    """Number and night of a release (the current one when None), and rows and hash of each public table in it."""
    released = open_release(settings, number=number)
    connection = released.duckdb()
    tables = {}
    for name in released.release.public:
        query = f"SELECT count(*), coalesce(bit_xor(hash(t)), 0)::VARCHAR FROM {name} AS t"
        tables[name] = list(connection.execute(query).fetchone() or ())
    return {"number": released.release.number, "night": str(released.release.night), "tables": tables}


def main(home: Path) -> None:
    """Poll until SIGNAL comes."""
    stopping: list[int] = []
    signal.signal(SIGNAL, lambda number, _: stopping.append(number))
    settings = load_settings(home=home)
    while not stopping:
        try:
            seen = described(settings)
        except Exception as error:
            seen = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(seen), flush=True)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
