"""The command line, with a build of one table (TABLE) whose tasks ask for more memory than there is."""

from __future__ import annotations

import os
import sys

from brokerlake.run import tables_step

ELEMENTS = 200_000_000


def swell() -> None:
    """Lay a column of some gigabytes a row, more than the heap, over the build of TABLE."""
    from pyspark.sql import functions as F

    build = tables_step._build

    def swollen(run, table, days):
        frame = build(run, table, days)
        if table.name != os.environ["TABLE"]:
            return frame
        hoard = F.transform(F.sequence(F.lit(1), F.lit(ELEMENTS)), lambda x: x + F.length("order_id"))
        return frame.where(F.size(F.array_distinct(hoard)) > 0)

    tables_step._build = swollen


if __name__ == "__main__":
    from brokerlake.cli import main

    swell()
    sys.exit(main(sys.argv[1:]))
