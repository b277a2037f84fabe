"""The command line under a clock that is wrong by CLOCK_DAYS; the rest of the arguments are brokerlake's own."""

from __future__ import annotations

import datetime as standard
import importlib
import os
import pkgutil
import sys

DAYS = standard.timedelta(days=int(os.environ.get("CLOCK_DAYS", "0")))


class OtherClock(standard.datetime):
    """datetime whose present is another one."""

    @classmethod
    def now(cls, tz=None):
        return standard.datetime.now(tz) + DAYS


class OtherToday(standard.date):
    """date whose present is another one."""

    @classmethod
    def today(cls):
        return standard.date.today() + DAYS


def turn_clocks() -> int:
    """Give every module of brokerlake and jobs that knows a clock the other one; how many do."""
    import brokerlake
    import jobs

    turned = 0
    for package in (brokerlake, jobs):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith("__main__"):
                continue
            module = importlib.import_module(found.name)
            if getattr(module, "datetime", None) is standard.datetime:
                module.datetime = OtherClock  # type: ignore[attr-defined]
                turned += 1
    return turned


if __name__ == "__main__":
    from brokerlake.cli import main

    assert turn_clocks() >= 3
    sys.exit(main(sys.argv[1:]))
