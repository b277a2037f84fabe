"""silver.tracking_plan_results: counts per event, property and night."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.silver.tracking_plan_results import Params, build
from tests.jobs.silver.made_nights import at_once, in_order, night_by_night, of_nights
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE = "silver.tracking_plan_results"
MONDAY, TUESDAY = date(2024, 3, 4), date(2024, 3, 5)
PLAN = {
    "events": {
        "search": {"page_kind": "search", "properties": {"keyword": {"type": "string"}, "depth": {"type": "integer"}}},
        "login": {"page_kind": "login", "properties": {}},
    }
}
EVENTS = [
    {"event": "search", "keyword": "a", "cast_properties": ["keyword"], "_delivered_on": MONDAY},
    {"event": "search", "keyword": "b", "other_properties": '{"depth":2}', "is_late": True, "_delivered_on": MONDAY},
    {"event": "search", "dropped_properties": ["secret"], "_delivered_on": MONDAY},
    {"event": "search", "keyword": "b", "_withdrawn": True, "_delivered_on": MONDAY},
    {"event": "login", "_delivered_on": TUESDAY},
]


def counts(made: list[dict[str, Any]], event: str, name: str) -> tuple[int, ...]:
    (row,) = [r for r in made if (r["event"], r["property"]) == (event, name)]
    return tuple(row[f"{kind}_count"] for kind in ("seen", "present", "dropped", "cast", "late"))


def test_build__events_of_two_nights__counted_by_property(spark: SparkSession) -> None:
    events = rows(spark, "silver.events", EVENTS)

    def made_of(nights: Any, _: Any) -> Any:
        return build(events=of_nights(events, nights), tracking_plan=PLAN, params=Params())

    made = at_once(spark, TABLE, [MONDAY, TUESDAY], made_of)
    assert counts(made, "search", "") == (3, 3, 0, 0, 1)
    assert counts(made, "search", "keyword") == (3, 2, 0, 1, 1)
    assert counts(made, "search", "depth") == (3, 1, 0, 0, 1)
    assert counts(made, "search", "secret") == (3, 0, 1, 0, 1)
    assert {r["property"]: r["is_planned"] for r in made if r["event"] == "search"} == {
        "": True,
        "keyword": True,
        "depth": True,
        "secret": False,
    }
    assert counts(made, "login", "") == (1, 1, 0, 0, 0)
    assert len(made) == 5
    assert in_order(night_by_night(spark, TABLE, [MONDAY, TUESDAY], made_of)) == made
