"""One hostile input met in a process of its own: prints the error's line, peak memory and seconds of CPU as JSON.

CPU, since a busy machine makes any wall time long.
"""

from __future__ import annotations

import json
import re
import sys
import time
import traceback
from pathlib import Path

from brokerlake.errors import BrokerlakeError


def meet(what: str, home: Path) -> None:
    from brokerlake.settings import load_settings

    if what == "profile":
        load_settings(home=home, profile="../../elsewhere/base")
        return
    conf = home / "conf"
    if what == "settings":
        load_settings(home=home, profile="local", conf=conf)
        return
    settings = load_settings(home=home, profile="local", conf=conf if conf.exists() else None)
    if what == "feeds":
        from brokerlake.lake import load_feeds

        load_feeds(settings)
    elif what == "catalogue":
        from brokerlake.catalog import load_catalogue

        load_catalogue(home / "data_catalog.yaml")
    elif what == "contract":
        from brokerlake.catalog.contracts import load_contract

        load_contract(home / "gold" / "rfm.yaml")
    elif what == "suite":
        from brokerlake.quality.suites import load_suite

        load_suite(home / "gold" / "rfm.yaml")
    else:
        from tests.security.offered import take_in

        take_in(settings, what)


def peak_mb() -> float:
    """Peak resident memory since this program began; what the process was before is not counted."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


def main() -> None:
    line, shown = "", ""
    try:
        meet(sys.argv[1], Path(sys.argv[2]))
    except BrokerlakeError as refused:
        line, shown = str(refused), "".join(traceback.format_exception(refused))
    print(json.dumps({"line": line, "shown": shown, "peak_mb": peak_mb(), "seconds": time.process_time()}))


if __name__ == "__main__":
    main()
