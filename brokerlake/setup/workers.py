"""How many test workers this machine carries: a Spark session and its JVM take about 3 GiB each."""

from __future__ import annotations

import os
from pathlib import Path

GIB_A_WORKER = 3.0
MOST = 2


def available_gib(meminfo: Path = Path("/proc/meminfo")) -> float | None:
    """Memory that a new process can have, or None where the system does not tell."""
    if not meminfo.exists():
        return None
    for line in meminfo.read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 2**20
    return None


def workers(cores: int, gib: float | None) -> int:
    """Two at most, one at least."""
    by_memory = MOST if gib is None else int(gib / GIB_A_WORKER)
    return max(1, min(MOST, cores, by_memory))


if __name__ == "__main__":
    print(workers(os.cpu_count() or 1, available_gib()))
