"""The benchmark's hour bands: an event belongs to the minute it happened in, whatever its fraction of a second."""

from __future__ import annotations

import duckdb
import pytest

from benchmarks.beside.party_days import BANDS, _of_event


@pytest.mark.parametrize(
    ("moment", "band"),
    [
        ("2024-09-06 01:29:59.885", "morning"),
        ("2024-09-06 01:30:00", "midday"),
        ("2024-09-05 21:59:59.999", "night"),
        ("2024-09-06 15:59:59.999", "evening"),
        ("2024-09-06 16:00:00", "night"),
    ],
)
def test_event__at_the_edge_of_a_band__counts_where_it_happened(moment, band):
    conditions = {name: _of_event()[f"{name}_event_count"][1] for name in BANDS}
    asked = ", ".join(f"{condition} AS {name}" for name, condition in conditions.items())
    found = duckdb.sql(f"SELECT {asked} FROM (SELECT TIMESTAMPTZ '{moment}+00' AS occurred_at)").fetchone()
    assert [name for name, holds in zip(BANDS, found, strict=True) if holds] == [band]
