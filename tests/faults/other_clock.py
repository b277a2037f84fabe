"""The command line under a clock that is wrong by CLOCK_DAYS; the rest of the arguments are brokerlake's own."""

from __future__ import annotations

import datetime as standard
import os
import sys

DAYS = standard.timedelta(days=int(os.environ.get("CLOCK_DAYS", "0")))


class OtherClock(standard.datetime):
    """datetime whose present is another one."""

    @classmethod
    def now(cls, tz=None):
        return standard.datetime.now(tz) + DAYS


def turn_clocks() -> int:
    """Give every module of brokerlake that knows a clock the other one; how many do."""
    turned = 0
    for name, module in list(sys.modules.items()):
        if name.startswith(("brokerlake.", "jobs.")) and getattr(module, "datetime", None) is standard.datetime:
            module.datetime = OtherClock  # type: ignore[attr-defined]
            turned += 1
    return turned


if __name__ == "__main__":
    from brokerlake.cli import main
    from brokerlake.reports import steward
    from brokerlake.run import nightly

    assert steward and nightly

    assert turn_clocks() >= 3
    sys.exit(main(sys.argv[1:]))
