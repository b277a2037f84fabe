from __future__ import annotations

from datetime import date

import pytest
from pyspark.sql import functions as F

from jobs.methods.tag_kinds import parse_rule, rank_preferences, score_preferences
from jobs.methods.tag_rules import TagRuleError

TYPES = {
    "windows.amount": "bigint",
    "customer.city": "string",
    "events.page_kind": "string",
    "events.duration_ms": "bigint",
}
AMOUNT = {"field": "windows.amount"}
POSITIVE = {"field": "windows.amount", "operator": "greater_than", "value": 0}
ONE, TWO = date(2024, 3, 4), date(2024, 3, 5)


def test_layered_and_metric__several_dates__label_every_row(spark):
    amounts = [(ONE, 0), (ONE, 10), (ONE, 10), (ONE, 19), (ONE, None), (TWO, 10), (TWO, 30)]
    frame = spark.createDataFrame(
        [(day, (amount,), ("x",)) for day, amount in amounts],
        "as_of_date date, windows struct<amount: bigint>, customer struct<city: string>",
    )
    layers = {"layers": [{"value": "some", "when": POSITIVE}, {"value": "none"}]}
    rules = {
        "layered": parse_rule("layered", layers, TYPES),
        "no_rest": parse_rule("layered", {"layers": layers["layers"][:1]}, TYPES),
        "cut": parse_rule("metric", {**AMOUNT, "cut": [10, 20], "labels": ["a", "b", "c"]}, TYPES),
        "step": parse_rule("metric", {**AMOUNT, "step": 10}, TYPES),
        "rank": parse_rule(
            "metric",
            {**AMOUNT, "population": POSITIVE, "percentile": [0.5, 0.6], "labels": ["low", "mid", "high"]},
            TYPES,
        ),
    }
    found = frame.select(
        "as_of_date",
        "windows.amount",
        *[rule.value.alias(name) for name, rule in rules.items()],
        rules["rank"].evidence.alias("evidence"),
    ).collect()
    values = {(row["as_of_date"], row["amount"]): tuple(row)[2:] for row in found}
    assert values == {
        (ONE, 0): ("none", None, "a", "0", None, "windows.amount=0"),
        (ONE, 10): ("some", "some", "b", "10", "low", "windows.amount=10"),
        # 19 has two of three below it: two thirds; on the other day 30 has half of two below it
        (ONE, 19): ("some", "some", "b", "10", "high", "windows.amount=19"),
        (ONE, None): ("none", None, None, None, None, "windows.amount=none"),
        (TWO, 10): ("some", "some", "b", "10", "low", "windows.amount=10"),
        (TWO, 30): ("some", "some", "c", "30", "mid", "windows.amount=30"),
    }


def test_rank_preferences__ties_window_edge_and_sums__best_first(spark):
    def event(day, kind, duration, person="p_1", name="view"):
        return (person, person, ONE, day, name, kind, duration, "d_1")

    frame = spark.createDataFrame(
        [
            event(ONE, "order", 1),
            event(date(2024, 3, 3), "order", 1),
            event(ONE, "banner", 9),
            event(date(2024, 3, 3), "banner", 9),
            event(ONE, "search", 50),
            event(date(2024, 3, 2), "account", 99),
            event(ONE, "login", 500, name="other"),
            event(ONE, "", 500),
            event(ONE, None, None),
            event(ONE, "search", None, person="p_2"),
        ],
        "one_id string, customer_no string, as_of_date date, event_date date, event string, page_kind string, "
        "duration_ms bigint, device_id string",
    )
    rule = {"events": ["view"], "property": "page_kind", "days": 2, "top": 2}
    rules = {
        "most": parse_rule("event_preference", rule, TYPES),
        "longest": parse_rule("event_preference", {**rule, "by": "sum", "sum_of": "duration_ms", "least": 2}, TYPES),
        "best": parse_rule("event_preference", {"property": "page_kind", "days": 9, "least": 2}, TYPES),
    }
    scores = score_preferences(frame, rules).withColumn("one_id", F.col("customer_no"))
    found = rank_preferences(scores, rules).collect()
    assert {(row["tag_code"], row["one_id"]): (row["value"], row["evidence"]) for row in found} == {
        ("most", "p_1"): ("banner|order", "banner=2; order=2"),
        ("most", "p_2"): ("search", "search=1"),
        ("longest", "p_1"): ("search|banner", "search=50; banner=18"),
        ("best", "p_1"): ("banner", "banner=2"),
    }


@pytest.mark.parametrize(
    ("kind", "rule", "part"),
    [
        ("model", {}, "not computed yet"),
        ("guess", {}, "'guess'"),
        ("layered", [], "no mapping"),
        ("layered", {"layers": []}, "needs layers"),
        ("layered", {"layers": [{"value": "a"}, {"value": "b", "when": POSITIVE}]}, "not the last"),
        ("layered", {"layers": [{"value": True}]}, "quote it"),
        ("layered", {"layers": [{"value": "a"}], "sql": "x"}, "sql"),
        ("metric", {"field": "customer.city", "step": 1}, "no number"),
        ("metric", {**AMOUNT}, "split by one"),
        ("metric", {**AMOUNT, "cut": [1], "step": 1}, "split by one"),
        ("metric", {**AMOUNT, "cut": [2, 1], "labels": ["a", "b", "c"]}, "ascending"),
        ("metric", {**AMOUNT, "cut": [1], "labels": ["a"]}, "labels"),
        ("metric", {**AMOUNT, "percentile": [0.5, 1.5], "labels": ["a", "b", "c"]}, "between 0 and 1"),
        ("metric", {**AMOUNT, "step": 0}, "whole number"),
        ("event_preference", {"property": "ip"}, "events.ip"),
        ("event_preference", {"property": "page_kind", "by": "sum"}, "sum_of"),
        ("event_preference", {"property": "page_kind", "by": "sum", "sum_of": "page_kind"}, "no whole number"),
        ("event_preference", {"property": "page_kind", "top": 0}, "top"),
        ("event_preference", {"property": "page_kind", "events": "x"}, "list"),
    ],
)
def test_parse_rule__outside_the_grammar__is_refused_by_name(spark, kind, rule, part):
    with pytest.raises(TagRuleError, match=part):
        parse_rule(kind, rule, TYPES)
