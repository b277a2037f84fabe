"""silver.events: the tracking plan decides, copies are told apart from events, late ones are flagged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.silver.events import Params, build
from tests.jobs.silver.made_nights import at_once, night_by_night, of_nights, weekday_calendar
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE = "silver.events"
FRIDAY, MONDAY = date(2024, 3, 1), date(2024, 3, 4)
NIGHTS = [FRIDAY, MONDAY]
WHOLE_PLAN_TEXTS = {"spark.sql.maxPlanStringLength": "1000000", "spark.sql.debug.maxToStringFields": "1000"}
PLAN = {
    "events": {
        "search": {
            "page_kind": "search",
            "properties": {"keyword": {"type": "string", "required": True}, "duration_ms": {"type": "integer"}},
        },
        "banner_view": {
            "page_kind": "banner",
            "properties": {"slot_id": {"type": "string", "enum": ["top"]}, "depth": {"type": "decimal"}},
        },
        "login": {"page_kind": "login"},
    }
}


def event(event_id: str, properties: Any = None, night: date = MONDAY, **values: Any) -> dict[str, Any]:
    """A delivered login on the night's date at 09:30 local time unless said otherwise."""
    return {
        "event_id": event_id,
        "distinct_id": "d1",
        "login_id": "",
        "event": "login",
        "properties": properties if isinstance(properties, str) else json.dumps(properties or {}),
        "occurred_at": f"{night.isoformat()}T09:30:01.123+08:00",
        "received_at": f"{night.isoformat()}T09:30:02.000+08:00",
        "_business_date": night,
        "_delivered_on": night,
        **values,
    }


DELIVERED = [
    event("offline", night=FRIDAY),
    event("twice", night=FRIDAY),
    event("replaced", {"keyword": "old"}, night=FRIDAY, event="search"),
    event("good", {"keyword": "etf", "duration_ms": 12}, event="search", login_id="C1"),
    event("good", {"keyword": "etf", "duration_ms": 12}, event="search", login_id="C1"),
    event("offline", occurred_at="2024-03-01T09:30:01.123+08:00"),
    event("late", occurred_at="2024-03-01T23:59:59.999+08:00"),
    event("weekend", occurred_at="2024-03-02T00:00:00.000+08:00"),
    event("replaced", {"keyword": "new"}, event="search", _business_date=FRIDAY, _sequence=2,
          occurred_at="2024-03-01T09:30:01.123+08:00"),
    event("twice", _business_date=FRIDAY, _sequence=2, _withdrawn=True, occurred_at="2024-03-01T09:30:01.123+08:00"),
    event("unknown", event="teleport"),
    event("extra", {"keyword": "x", "secret": 1, "age": 3}, event="search"),
    event("quoted", {"keyword": 600519, "duration_ms": "34"}, event="search"),
    event("whole", {"keyword": "x", "duration_ms": 34.0}, event="search"),
    event("compact", '{"keyword":"x","duration_ms":34}', event="search"),
    event("compact_quoted", '{"keyword":600519,"duration_ms":"34"}', event="search"),
    event("compact_whole", '{"keyword":"x","duration_ms":34.0}', event="search"),
    event("nested", '{"keyword":{"keyword":"x"}}', event="search"),
    event("escaped", '{"keyword":"a \\"duration_ms\\":1","duration_ms":"34"}', event="search"),
    event("wordy", {"keyword": "x", "duration_ms": "soon"}, event="search"),
    event("bare", {"keyword": "", "duration_ms": 1}, event="search"),
    event("null", {"keyword": None}, event="search"),
    event("slot", {"slot_id": "bottom"}, event="banner_view"),
    event("other", {"slot_id": "top", "depth": 1.5}, event="banner_view"),
    event("torn", '{"keyword": ', event="search"),
    event("timeless", occurred_at="noon"),
    event("future", occurred_at="2024-03-05T00:00:00.000+08:00"),
    event("nobody", distinct_id=""),
    event("", distinct_id="d2"),
]  # fmt: skip


def build_nights(spark: SparkSession, nights: Sequence[date], earlier: DataFrame) -> DataFrame:
    events = of_nights(rows(spark, "bronze.web_events", DELIVERED), nights)
    calendar = weekday_calendar(spark)
    return build(events=events, earlier=earlier, tracking_plan=PLAN, calendar=calendar, params=Params("Asia/Shanghai"))


@pytest.fixture(scope="module")
def made(spark: SparkSession) -> list[dict[str, Any]]:
    return [row.asDict(recursive=True) for row in build_nights(spark, NIGHTS, rows(spark, TABLE)).collect()]


def verdicts(made: list[dict[str, Any]], event_id: str) -> list[tuple[str, str | None]]:
    found = [row for row in made if row["event_id"] == event_id]
    return [(row["_verdict"], row["_rule"]) for row in sorted(found, key=lambda row: row["_line"])]


def kept(made: list[dict[str, Any]], event_id: str) -> dict[str, Any]:
    (row,) = [r for r in made if r["event_id"] == event_id and r["_verdict"] == "kept" and r["_delivered_on"] == MONDAY]
    return row


def test_build__range_of_nights__equals_night_by_night(spark: SparkSession) -> None:
    def made_of(nights: Sequence[date], earlier: DataFrame) -> DataFrame:
        return build_nights(spark, nights, earlier)

    assert night_by_night(spark, TABLE, NIGHTS, made_of) == at_once(spark, TABLE, NIGHTS, made_of)


def test_build__every_row__comes_back(made: list[dict[str, Any]]) -> None:
    assert len(made) == len(DELIVERED)


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [
        ("unknown", "unknown_event"),
        ("wordy", "property_of_wrong_type"),
        ("bare", "required_property_missing"),
        ("null", "required_property_missing"),
        ("slot", "property_not_in_enum"),
        ("torn", "properties_not_an_object"),
        ("timeless", "occurred_at_not_a_time"),
        ("future", "occurred_after_delivery"),
        ("nobody", "device_id_missing"),
        (None, "event_id_missing"),
    ],
)
def test_build__broken_event__is_rejected_by_rule(made: list[dict[str, Any]], event_id: str, expected: str) -> None:
    assert verdicts(made, event_id) == [("rejected", expected)]


def test_build__copies__are_duplicates_in_the_night_and_from_nights_before(made: list[dict[str, Any]]) -> None:
    again = ("duplicate", "event_delivered_before")
    assert verdicts(made, "good") == [("kept", None), again]
    assert verdicts(made, "offline") == [("kept", None), again]


def test_build__replaced_extract__is_a_further_version(made: list[dict[str, Any]]) -> None:
    assert verdicts(made, "replaced") == [("kept", None), ("kept", None)]
    assert verdicts(made, "twice") == [("kept", None), ("kept", None)]


def test_build__natural_days_of_the_night__decide_what_is_late(made: list[dict[str, Any]]) -> None:
    assert (kept(made, "late")["is_late"], kept(made, "weekend")["is_late"]) == (True, False)
    assert kept(made, "late")["event_date"] == FRIDAY


def test_build__typed_columns__from_one_parse(made: list[dict[str, Any]]) -> None:
    row = kept(made, "good")
    names = ("customer_no", "page_kind", "keyword", "duration_ms", "dropped_properties", "cast_properties")
    assert [row[name] for name in names] == ["C1", "search", "etf", 12, [], []]
    assert row["occurred_at"].isoformat() == "2024-03-04T01:30:01.123000"
    assert kept(made, "other")["other_properties"] == '{"depth":1.5000}'
    assert kept(made, "late")["customer_no"] is None


def test_build__unknown_properties__are_dropped_by_name(made: list[dict[str, Any]]) -> None:
    assert kept(made, "extra")["dropped_properties"] == ["age", "secret"]
    assert "secret" not in str(kept(made, "extra")["other_properties"])


def test_build__other_json_type__is_cast_and_told(made: list[dict[str, Any]]) -> None:
    row = kept(made, "quoted")
    assert (row["keyword"], row["duration_ms"], row["cast_properties"]) == ("600519", 34, ["duration_ms", "keyword"])
    assert (kept(made, "whole")["duration_ms"], kept(made, "whole")["cast_properties"]) == (34, ["duration_ms"])


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [
        ("compact", []),
        ("compact_quoted", ["duration_ms", "keyword"]),
        ("compact_whole", ["duration_ms"]),
        ("nested", ["keyword"]),
        ("escaped", ["duration_ms"]),
    ],
)
def test_build__json_without_blanks__tells_the_same_casts(
    made: list[dict[str, Any]], event_id: str, expected: list[str]
) -> None:
    assert kept(made, event_id)["cast_properties"] == expected


def test_build__unknown_event__has_no_list_of_dropped_names(made: list[dict[str, Any]]) -> None:
    assert [row["dropped_properties"] for row in made if row["event_id"] == "unknown"] == [None]


def test_build__properties__are_parsed_once(spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    # Rows of a test lie inside the plan; without this the optimiser would parse them before it is explained.
    local = "org.apache.spark.sql.catalyst.optimizer.ConvertToLocalRelation"
    spark.conf.set("spark.sql.optimizer.excludedRules", local)
    of_session = {name: spark.conf.get(name) for name in WHOLE_PLAN_TEXTS}
    for name, value in WHOLE_PLAN_TEXTS.items():
        spark.conf.set(name, value)
    try:
        build_nights(spark, NIGHTS, rows(spark, TABLE)).explain()
    finally:
        spark.conf.unset("spark.sql.optimizer.excludedRules")
        for name, value in of_session.items():
            spark.conf.set(name, value)
    assert capsys.readouterr().out.count("from_json") == 1
