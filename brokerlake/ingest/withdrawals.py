"""Corrections: a higher sequence replaces what an earlier night took; keys it no longer has are withdrawn.

The withdrawal row is the key's last known content with the new sequence and `_withdrawn` true. Corrections are rare, so
what they replace is read again instead of being remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from brokerlake.ingest.row_hashes import connection
from brokerlake.landing.deliveries import MANIFEST, Delivery

ReadDelivery = Callable[[date, Delivery], pa.Table]


def is_correction(delivery: Delivery) -> bool:
    """True for a delivery that may replace an earlier one."""
    return delivery.sequence > 1 and delivery.kind != "replay"


def rows_before_corrections(
    taken: Mapping[date, Sequence[Delivery]], *, schema: pa.Schema, bronze: Path, version: int | None
) -> dict[date, pa.Table]:
    """Per corrected business date its bronze rows at `version`, without the nights of this run.

    Read before the commit begins: within the writer's stream no other Delta table can be opened.
    """
    corrected = {d.business_date for deliveries in taken.values() for d in deliveries if is_correction(d)}
    return {day: _earlier_rows(bronze, version, day, set(taken), schema) for day in sorted(corrected)}


def _earlier_rows(bronze: Path, version: int | None, day: date, of_this_run: set[date], schema: pa.Schema) -> pa.Table:
    if version is None:
        return schema.empty_table()
    rows = (
        DeltaTable(bronze, version=version)
        .to_pyarrow_dataset()
        .to_table(columns=schema.names, filter=(pc.field("_delivered_on") >= day) & (pc.field("_business_date") == day))
        .cast(schema)
    )
    return rows.filter(pc.invert(pc.is_in(rows.column("_delivered_on"), pa.array(sorted(of_this_run), pa.date32()))))


def find_withdrawals(
    taken: Mapping[date, Sequence[Delivery]],
    before: Mapping[date, pa.Table],
    *,
    key: Sequence[str],
    schema: pa.Schema,
    read_delivery: ReadDelivery,
) -> dict[date, pa.Table]:
    """Per night the withdrawal rows of its corrections, in bronze columns.

    `taken` holds the deliveries that count, by night of this run; `before` is what rows_before_corrections gave.
    """
    found: dict[date, list[pa.Table]] = {}
    for business_date, earlier in before.items():
        state = [earlier]
        for night in sorted(taken):
            deliveries = [d for d in taken[night] if d.business_date == business_date]
            if not deliveries:
                continue
            new = pa.concat_tables([read_delivery(night, delivery) for delivery in deliveries])
            correction = max(filter(is_correction, deliveries), key=lambda d: d.sequence, default=None)
            if correction is not None:
                stood = pa.concat_tables(state)
                stood = stood.filter(pc.less(stood.column("_delivered_on"), pa.scalar(night)))
                gone = _withdraw(stood, new, key, schema, night, correction)
                found.setdefault(night, []).append(gone)
                state.append(gone)
            state.append(new)
    return {night: pa.concat_tables(tables) for night, tables in found.items()}


def _withdraw(
    before: pa.Table, new: pa.Table, key: Sequence[str], schema: pa.Schema, night: date, correction: Delivery
) -> pa.Table:
    """The latest rows of keys that stood before and are not in `new`."""
    names = ", ".join(f'"{name}"' for name in key)
    database = connection()
    database.register("rows_before", before)
    database.register("rows_now", new)
    try:
        rows = database.execute(
            f"""
            SELECT * FROM (
                SELECT * FROM rows_before
                QUALIFY row_number() OVER (
                    PARTITION BY {names} ORDER BY _sequence DESC, _delivered_on DESC, _file, _line) = 1)
            ANTI JOIN rows_now USING ({names})
            WHERE NOT _withdrawn ORDER BY {names}
            """
        ).to_arrow_table()
    finally:
        database.unregister("rows_before")
        database.unregister("rows_now")
    rows = rows.select(schema.names).cast(schema)
    count = rows.num_rows
    changed = {
        "_file": pa.array([f"{correction.name}/{MANIFEST}"] * count, pa.string()),
        "_line": pa.array(range(1, count + 1), pa.int64()),
        "_sequence": pa.array([correction.sequence] * count, pa.int32()),
        "_withdrawn": pa.array([True] * count, pa.bool_()),
        "_delivered_on": pa.array([night] * count, pa.date32()),
    }
    for name, values in changed.items():
        rows = rows.set_column(schema.get_field_index(name), schema.field(name), values)
    return rows
