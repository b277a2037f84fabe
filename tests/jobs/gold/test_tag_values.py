from __future__ import annotations

import pytest

from jobs.gold.tag_values import Params, build
from jobs.methods.tag_rules import TagRuleError
from tests.jobs.gold.people import DATES, ONE, TWO, customers, fit, identity_map, missing_required, tag_records
from tests.rows import as_dicts, rows

DAYS = [{"as_of_date": ONE}, {"as_of_date": TWO}]
RECORDS = [
    {
        "code": code,
        "name": code,
        "owner": "data",
        "department": "wealth",
        "kind": kind,
        "definition": "in plain words",
        "refresh": "daily",
        "validity_days": 7,
        "sensitivity": "3/C2",
        "version": 3,
        "rule": rule,
    }
    for code, kind, rule in [
        ("city", "layered", {"layers": [{"value": "b", "when": {"field": "customer.city", "operator": "is_present"}}]}),
        (
            "trades",
            "metric",
            {"field": "windows.trade_count", "window": "20td", "cut": [1], "labels": ["none", "some"]},
        ),
        (
            "step",
            "layered",
            {
                "layers": [
                    {"value": "traded", "when": {"field": "milestones.first_trade_on", "operator": "is_present"}},
                    {"value": "registered"},
                ]
            },
        ),
        ("pages", "event_preference", {"property": "page_kind", "days": 30, "top": 2}),
    ]
]


def inputs(spark, days=DAYS) -> dict:
    on = {day["as_of_date"] for day in days}

    def at(values):
        return [value for value in values if value["as_of_date"] in on]

    def event(day, page_kind, customer_no=None, device_id="d_9", number=0):
        return {
            "as_of_date": day, "event_id": f"e{number}", "device_id": device_id, "customer_no": customer_no,
            "page_kind": page_kind, "event_date": ONE,
        }  # fmt: skip

    crm = [{"customer_no": no, "city": city, **day} for no, city in [("c1", "x"), ("c2", None)] for day in DAYS]
    windows = [
        {"one_id": "p_1", "trade_count_20td": 2, "as_of_date": ONE},
        {"one_id": "p_1", "trade_count_20td": 0, "as_of_date": TWO},
        {"one_id": "p_2", "trade_count_20td": 1, "as_of_date": TWO},
    ]
    reached = [{"party_kind": "customer", "party_id": "c1", "first_trade_on": ONE, **day} for day in DAYS]
    events = [
        event(ONE, "order", "c1"),
        event(TWO, "order", "c1"),
        event(TWO, "search", "c1", number=1),
        event(TWO, "search", None, device_id="d_1", number=2),
        event(TWO, "login", None, number=3),
        event(TWO, "banner", "c7", device_id="d_1", number=4),
    ]
    maps = identity_map(spark, {"c1": "p_1", "c2": "p_2"}, days)
    return {
        "customers": customers(spark, at(crm)),
        "windows": rows(spark, "silver.customer_windows", at(windows)),
        "milestones": rows(spark, "silver.customer_milestones", at(reached), extra=DATES),
        "identity_map": maps.unionByName(identity_map(spark, {"d_1": "p_1"}, days, kind="device")),
        "events": rows(spark, "silver.events", at(events), extra=DATES),
        "definitions": RECORDS,
        "params": Params(event_days_back=30),
    }


def run(spark, days=DAYS, **changes) -> list[tuple[str, ...]]:
    frame = fit(build(**{**inputs(spark, days), **changes}), "gold.tag_values")
    found = as_dicts(frame, "one_id", "as_of_date", "tag_code", "value", "evidence")
    return sorted(tuple(str(value) for value in row.values()) for row in found)


EXPECTED = [
    ("p_1", ONE, "city", "b", "customer.city=x"),
    ("p_1", ONE, "pages", "order", "order=1"),
    ("p_1", ONE, "step", "traded", "milestones.first_trade_on=2024-03-04"),
    ("p_1", ONE, "trades", "some", "windows.trade_count_20td=2"),
    ("p_1", TWO, "city", "b", "customer.city=x"),
    ("p_1", TWO, "pages", "search|order", "search=2; order=1"),
    ("p_1", TWO, "step", "traded", "milestones.first_trade_on=2024-03-04"),
    ("p_1", TWO, "trades", "none", "windows.trade_count_20td=0"),
    ("p_2", ONE, "step", "registered", "milestones.first_trade_on=none"),
    ("p_2", TWO, "step", "registered", "milestones.first_trade_on=none"),
    ("p_2", TWO, "trades", "some", "windows.trade_count_20td=1"),
]


def test_build__people_events_and_windows__each_tag_where_it_applies(spark):
    assert run(spark) == EXPECTED


def test_build__range__equals_day_by_day(spark):
    assert run(spark, DAYS[:1]) + run(spark, DAYS[1:]) == sorted(EXPECTED, key=lambda row: row[1])


def test_build__stamps__version_and_validity(spark):
    frame = fit(build(**inputs(spark, DAYS[:1])), "gold.tag_values")
    assert missing_required(frame, "gold.tag_values") == []
    found = as_dicts(frame, "tag_version", "computed_value", "value", "overridden_by", "valid_until")
    assert {(row["tag_version"], str(row["valid_until"]), row["overridden_by"]) for row in found} == {
        (3, "2024-03-11", None)
    }
    assert all(row["computed_value"] == row["value"] for row in found)


def test_build__tags_of_conf_and_minimal_profile__everybody_has_a_tier(spark):
    empty = {
        "windows": rows(spark, "silver.customer_windows"),
        "milestones": rows(spark, "silver.customer_milestones", extra=DATES),
        "events": rows(spark, "silver.events", extra=DATES),
    }
    found = run(spark, DAYS[:1], definitions=tag_records(), **empty)
    tiers = [(row[0], row[3]) for row in found if row[2] == "asset_tier"]
    assert tiers == [("p_1", "below_10k"), ("p_2", "below_10k")]


def test_build__rule_looks_back_too_far_or_at_no_column__is_refused(spark):
    given = inputs(spark)
    with pytest.raises(TagRuleError, match="pages: looks back 30 days, 7 are read"):
        build(**{**given, "params": Params(event_days_back=7)})
    broken = {
        **RECORDS[0],
        "rule": {"layers": [{"value": "b", "when": {"field": "customer.x", "operator": "is_present"}}]},
    }
    with pytest.raises(TagRuleError, match="tag city: field customer.x"):
        build(**{**given, "definitions": [broken]})
