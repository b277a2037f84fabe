"""silver.visits: gaps, midnights, nights, late events, logins within a visit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.silver.visits import Params, build
from tests.jobs.silver.made_nights import at_once, before, night_by_night, of_nights
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE = "silver.visits"
MONDAY, TUESDAY, WEDNESDAY = date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 6)
NIGHTS = [MONDAY, TUESDAY, WEDNESDAY]


def event(event_id: str, night: date, at: str, device: str = "d1", **values: Any) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "device_id": device,
        "app_id": "app",
        "occurred_at": at,
        "page_kind": "other",
        "_delivered_on": night,
        "_business_date": night,
        **values,
    }


# Midnight in Shanghai is 16:00 UTC.
EVENTS = [
    event("a1", MONDAY, "2024-03-04T02:00:00", page_kind="search", event="search"),
    event("a2", MONDAY, "2024-03-04T02:30:00", customer_no="c1"),
    event("a3", MONDAY, "2024-03-04T03:00:00.001", event="late_in_day"),
    event("a4", MONDAY, "2024-03-04T02:10:00", app_id="web"),
    event("b1", MONDAY, "2024-03-04T15:50:00", device="d2", customer_no="c1"),
    event("b2", TUESDAY, "2024-03-04T16:10:00", device="d2"),
    event("b3", TUESDAY, "2024-03-04T16:20:00", device="d2", customer_no="c2"),
    event("c1", TUESDAY, "2024-03-04T02:10:00", is_late=True),
    event("c2", WEDNESDAY, "2024-03-04T02:20:00", is_late=True),
    event("a2", WEDNESDAY, "2024-03-04T02:30:00", is_late=True, _sequence=2, _business_date=MONDAY),
    event("a3", WEDNESDAY, "2024-03-04T03:00:00.001", is_late=True, _withdrawn=True, _business_date=MONDAY),
]


def build_nights(spark: SparkSession, nights: Sequence[date], earlier: DataFrame) -> DataFrame:
    events = rows(spark, "silver.events", EVENTS)
    at = NIGHTS.index(nights[0])
    previous = of_nights(earlier, NIGHTS[at - 1 : at] if at else [])
    return build(
        events=of_nights(events, nights),
        earlier_events=before(events, nights[0]),
        previous=previous,
        params=Params(gap_minutes=30),
    )


@pytest.fixture(scope="module")
def made(spark: SparkSession) -> list[dict[str, Any]]:
    return at_once(spark, TABLE, NIGHTS, lambda nights, earlier: build_nights(spark, nights, earlier))


def of_device(made: list[dict[str, Any]], device: str, app: str = "app") -> list[dict[str, Any]]:
    found = [row for row in made if row["device_id"] == device and row["app_id"] == app]
    return sorted(found, key=lambda row: (row["_delivered_on"], row["started_at"]))


def test_build__range_of_nights__equals_night_by_night(spark: SparkSession, made: list[dict[str, Any]]) -> None:
    def made_of(nights: Sequence[date], earlier: DataFrame) -> DataFrame:
        return build_nights(spark, nights, earlier)

    assert night_by_night(spark, TABLE, NIGHTS, made_of) == made


def test_build__gap__thirty_minutes_stay_and_a_millisecond_more_splits(made: list[dict[str, Any]]) -> None:
    first, second = [row for row in of_device(made, "d1") if not row["is_late"]]
    names = ("event_count", "search_event_count", "duration_ms", "first_event", "customer_no")
    assert [first[name] for name in names] == [2, 1, 1_800_000, "search", "c1"]
    assert (second["event_count"], second["customer_no"], second["duration_ms"]) == (1, None, 0)
    assert first["visit_id"] != second["visit_id"]


def test_build__other_app__is_another_visit(made: list[dict[str, Any]]) -> None:
    assert [row["event_count"] for row in of_device(made, "d1", "web")] == [1]


def test_build__over_midnight__same_visit_in_two_nights(made: list[dict[str, Any]]) -> None:
    first, second = of_device(made, "d2")
    assert first["visit_id"] == second["visit_id"]
    assert (first["is_continued"], second["is_continued"]) == (False, True)
    assert (first["duration_ms"], second["duration_ms"]) == (0, 1_800_000)
    assert (first["customer_no"], second["customer_no"]) == ("c1", "c2")


def test_build__late_events__form_visits_of_their_own_by_night(made: list[dict[str, Any]]) -> None:
    late = [row for row in of_device(made, "d1") if row["is_late"]]
    assert [(row["_delivered_on"], row["event_count"], row["is_continued"]) for row in late] == [
        (TUESDAY, 1, False),
        (WEDNESDAY, 1, False),
    ]
    assert len({row["visit_id"] for row in late}) == 2


def test_build__event_of_a_replaced_extract__forms_no_second_visit(made: list[dict[str, Any]]) -> None:
    assert sum(row["event_count"] for row in made) == 9


def test_build__no_events__no_visits(spark: SparkSession) -> None:
    nothing = rows(spark, "silver.events")
    made = build(events=nothing, earlier_events=nothing, previous=rows(spark, TABLE), params=Params(30))
    assert made.where(F.lit(True)).count() == 0
