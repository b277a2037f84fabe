from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from jobs.methods.tag_rules import TagRuleError, parse_condition

TYPES = {
    "windows.trade_count_20td": "bigint",
    "windows.net_assets_amount": "decimal(18,4)",
    "windows.slope": "double",
    "customer.city": "string",
    "customer.birth_date": "date",
    "customer.is_tested": "boolean",
}
SCHEMA = (
    "name string, as_of_date date, customer struct<city: string, birth_date: date, is_tested: boolean>, "
    "windows struct<trade_count_20td: bigint, net_assets_amount: decimal(18,4), slope: double>"
)
AS_OF = date(2024, 3, 4)

CASES = {
    "equals": ({"field": "customer.city", "operator": "equals", "value": "x"}, {"full"}),
    "text_that_looks_like_sql": (
        {"field": "customer.city", "operator": "equals", "value": "x' or '1'='1"},
        set(),
    ),
    "not_equals": ({"field": "customer.city", "operator": "not_equals", "value": "x"}, {"other"}),
    "window": ({"field": "windows.trade_count", "window": "20td", "operator": "at_least", "value": 3}, {"full"}),
    "less_than": ({"field": "windows.trade_count_20td", "operator": "less_than", "value": 3}, {"other"}),
    "at_most": ({"field": "windows.trade_count_20td", "operator": "at_most", "value": 3}, {"full", "other"}),
    "greater_than": ({"field": "windows.slope", "operator": "greater_than", "value": 0.5}, {"other"}),
    "decimal_exact": (
        {"field": "windows.net_assets_amount", "operator": "equals", "value": "0.1000"},
        {"full"},
    ),
    "between": ({"field": "windows.trade_count_20td", "operator": "between", "value": [3, 4]}, {"full"}),
    "one_of": ({"field": "customer.city", "operator": "one_of", "value": ["x", "y"]}, {"full", "other"}),
    "not_one_of": ({"field": "customer.city", "operator": "not_one_of", "value": ["x"]}, {"other"}),
    "is_missing": ({"field": "customer.city", "operator": "is_missing"}, {"empty"}),
    "is_present": ({"field": "customer.city", "operator": "is_present"}, {"full", "other"}),
    "boolean": ({"field": "customer.is_tested", "operator": "equals", "value": True}, {"full"}),
    "date": (
        {"field": "customer.birth_date", "operator": "at_most", "value": date(1984, 3, 4)},
        {"full"},
    ),
    "years_on_the_birthday": (
        {"field": "customer.birth_date", "measured": "years_since", "operator": "equals", "value": 40},
        {"full"},
    ),
    "years_on_the_day_before": (
        {"field": "customer.birth_date", "measured": "years_since", "operator": "equals", "value": 39},
        {"other"},
    ),
    "days": (
        {"field": "customer.birth_date", "measured": "days_since", "operator": "less_than", "value": 14610},
        {"other"},
    ),
    "all": (
        {
            "all": [
                {"field": "customer.city", "operator": "is_present"},
                {"field": "windows.trade_count_20td", "operator": "at_least", "value": 3},
            ]
        },
        {"full"},
    ),
    "any": (
        {
            "any": [
                {"field": "customer.city", "operator": "is_missing"},
                {"field": "windows.trade_count_20td", "operator": "at_least", "value": 3},
            ]
        },
        {"full", "empty"},
    ),
    "not_of_missing": (
        {"not": {"field": "windows.trade_count_20td", "operator": "at_least", "value": 3}},
        {"other", "empty"},
    ),
}


def test_parse_condition__each_operator__holds_for_the_right_rows(spark):
    rows = [
        ("full", AS_OF, ("x", date(1984, 3, 4), True), (3, Decimal("0.1"), 0.5)),
        ("other", AS_OF, ("y", date(1984, 3, 5), False), (2, Decimal("0.1001"), 0.6)),
        ("empty", AS_OF, None, None),
    ]
    frame = spark.createDataFrame(rows, SCHEMA)
    parsed = {case: parse_condition(rule, TYPES).column for case, (rule, _) in CASES.items()}
    found = frame.select("name", *[column.alias(case) for case, column in parsed.items()]).collect()
    held = {case: {row["name"] for row in found if row[case]} for case in CASES}
    assert held == {case: expected for case, (_, expected) in CASES.items()}
    assert all(row[case] is not None for row in found for case in CASES)


def test_parse_condition__nested__names_each_field_once_in_order(spark):
    rule = {
        "all": [
            {"field": "customer.city", "operator": "is_present"},
            {"not": {"field": "windows.trade_count", "window": "20td", "operator": "equals", "value": 1}},
            {"field": "customer.city", "operator": "equals", "value": "x"},
        ]
    }
    assert [field.name for field in parse_condition(rule, TYPES).fields] == [
        "customer.city",
        "windows.trade_count_20td",
    ]


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ({"field": "customer.phone", "operator": "is_present"}, "customer.phone"),
        ({"field": "city", "operator": "is_present"}, "city"),
        ({"field": "customer.city) or (1=1", "operator": "is_present"}, "no <source>"),
        ({"field": "customer.city\n", "operator": "is_present"}, "no <source>"),
        ({"field": "windows.trade_count", "window": "20 td", "operator": "equals", "value": 1}, "window"),
        ({"field": "customer.city", "operator": "like", "value": "x"}, "like"),
        ({"field": "customer.city", "operator": "equals"}, "value missing"),
        ({"field": "customer.city", "operator": "is_missing", "value": 1}, "too many"),
        ({"field": "customer.city", "operator": "equals", "value": 1}, "does not fit"),
        ({"field": "customer.is_tested", "operator": "equals", "value": "yes"}, "does not fit"),
        ({"field": "windows.trade_count_20td", "operator": "equals", "value": 1.5}, "does not fit"),
        ({"field": "windows.trade_count_20td", "operator": "equals", "value": True}, "does not fit"),
        ({"field": "windows.net_assets_amount", "operator": "equals", "value": "much"}, "does not fit"),
        ({"field": "customer.birth_date", "operator": "equals", "value": "1984"}, "does not fit"),
        ({"field": "customer.city", "operator": "one_of", "value": "x"}, "needs a list"),
        ({"field": "windows.slope", "operator": "between", "value": [1]}, "two values"),
        ({"field": "customer.city", "measured": "days_since", "operator": "is_present"}, "measured"),
        ({"field": "customer.city", "operator": "is_present", "sql": "1=1"}, "sql"),
        ({"all": []}, "'all' needs a list"),
        ({"all": [{"field": "customer.city", "operator": "is_present"}], "any": []}, "beside"),
        ({}, "no mapping"),
        ("customer.city = 'x'", "no mapping"),
    ],
)
def test_parse_condition__outside_the_grammar__is_refused_by_name(spark, rule, part):
    with pytest.raises(TagRuleError, match=part.replace("(", r"\(")):
        parse_condition(rule, TYPES)


def test_parse_condition__column__never_comes_from_text(spark):
    column = parse_condition({"field": "customer.city", "operator": "is_present"}, TYPES).column
    assert isinstance(column, type(F.lit(1)))
