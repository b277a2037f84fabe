"""How many rows a table's plan sees, before it is made."""

from __future__ import annotations

from brokerlake.run.cuts import WINDOWS, Cutter


def rows_to_read(cutter: Cutter) -> int:
    """About how many rows the inputs hold: of windows those of their nights, of the table's own earlier rows none,
    since only keys of the run are looked for there.
    """
    found = 0
    for entry in cutter.table.inputs:
        is_own_past = entry.dates == "earlier" and (entry.table == cutter.table.name or entry.keys_of)
        if entry.table is None or entry.table not in cutter.lake.catalogue.tables or is_own_past:
            continue
        source = cutter.lake.catalogue[entry.table]
        days = cutter.partitions(source, cutter.lake.contract(entry.table), entry)
        if entry.dates in WINDOWS and (spans := cutter.spans(entry)):
            first = min(span.first for span in spans if span.first)
            days = [day for day in days if first <= day <= max(span.known for span in spans)]
        found += cutter.rows_of(source, days)
    return found
