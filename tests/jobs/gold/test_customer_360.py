from __future__ import annotations

import pytest

from brokerlake.catalog import contract_of
from jobs.gold.customer_360 import Params, build
from tests.jobs.gold.people import DATES, ONE, PROJECT, TWO, customers, fit, identity_map, missing_required, parameters
from tests.rows import as_dicts, rows

PARAMS = Params(**parameters("gold.customer_360"))
OWNERS = {"c1": "p_1", "c2": "p_2", "c3": "p_3"}


def _accounts(day):
    def account(account_id, no, kind, **more):
        return {"account_id": account_id, "customer_no": no, "account_kind": kind, "status": "open", **more, **day}

    return [
        account("a1", "c1", "cash", opened_on="2020-01-02"),
        account("a2", "c1", "fund", opened_on="2021-01-02", status="frozen"),
        account("a3", "c1", "margin", opened_on="2021-01-02", status="closed", closed_on="2022-01-02"),
        account("a4", "c2", "cash", opened_on="2020-01-02", closed_on=ONE),
    ]


def _book(day):
    def serves(adviser_id, since, until=None, role="service", no="c1"):
        return {
            "adviser_id": adviser_id, "customer_no": no, "role": role, "from_date": since, "to_date": until, **day,
        }  # fmt: skip

    return [
        serves("v1", "2023-01-01", ONE),
        serves("v2", "2022-01-01"),
        serves("v3", "2024-01-01", role="developer"),
        serves("v4", "2022-01-01", no="c2"),
        serves("v5", "2022-01-01", no="c2"),
        serves("v6", "2022-01-01", "2024-03-03", no="c3"),
        serves("v7", "2024-03-06", no="c3"),
    ]


def inputs(spark, days) -> dict:
    on = [{"as_of_date": day} for day in days]
    crm = []
    for day in on:
        crm += [
            {"customer_no": "c1", "branch_id": "b1", "birth_date": "1984-03-05", "investor_class": "professional",
             "risk_assessed_on": "2022-03-04", "name_masked": "W**", **day},
            {"customer_no": "c2", "branch_id": "b9", "investor_class": "professional",
             "risk_assessed_on": "2022-03-03", **day},
            {"customer_no": "c3", "investor_class": "ordinary", **day},
        ]  # fmt: skip
    windows = [
        {"one_id": "p_1", "net_assets_amount": "5000000", "month_average_net_assets_amount": "100000",
         "best_month_average_net_assets_amount_3m": "499999.9999", "history_month_ends": 5,
         "best_month_average_net_assets_amount_6m": "500000",
         "filled_order_count_250td": 10, "is_effective": True, "trade_count_250td": 12,
         "definition_version": "9", **day}
        for day in on
    ]  # fmt: skip
    reached = [
        {"party_kind": "customer", "party_id": "c1", "first_trade_on": "2022-03-04", "registered_on": "2020-01-01",
         "lifetime_trade_count": 30, "lifetime_net_revenue_amount": "12.5", **day}
        for day in on
    ]  # fmt: skip
    tags = [
        {"one_id": "p_1", "tag_code": code, "value": value, **day}
        for code, value in (("z", "1"), ("a", "2"))
        for day in on
    ]
    return {
        "customers": customers(spark, crm),
        "accounts": rows(spark, "silver.account_changes", [a for day in on for a in _accounts(day)], extra=DATES),
        "adviser_book": rows(spark, "silver.adviser_book_changes", [b for day in on for b in _book(day)], extra=DATES),
        "advisers": rows(
            spark, "silver.adviser_changes", [{"adviser_id": "v1", "name_masked": "L*", **d} for d in on], extra=DATES
        ),
        "branches": rows(
            spark,
            "silver.branch_changes",
            [{"branch_id": "b1", "name": "Center", "region": "East", **day} for day in on],
            extra=DATES,
        ),
        "identity_map": identity_map(spark, OWNERS, on),
        "milestones": rows(spark, "silver.customer_milestones", reached, extra=DATES),
        "windows": rows(spark, "silver.customer_windows", windows),
        "tags": rows(spark, "gold.tag_values", tags),
        "params": PARAMS,
    }


def run(spark, days, **changes) -> dict[tuple[str, str], dict]:
    frame = fit(build(**{**inputs(spark, days), **changes}), "gold.customer_360")
    assert missing_required(frame, "gold.customer_360") == []
    return {(row["one_id"], str(row["as_of_date"])): row for row in as_dicts(frame)}


def pick(row, *names):
    return tuple(row[name] for name in names)


def test_contract__columns__at_least_45_described_in_words():
    columns = contract_of(PROJECT, "gold.customer_360").columns
    assert len(columns) >= 60
    assert [c.name for c in columns if len(c.description) < 10] == []


@pytest.mark.smoke
def test_build__open_closed_and_registered__nobody_lost(spark):
    found = run(spark, [ONE])
    counts = ("customer_status", "account_count", "open_account_count", "open_cash_account_count")
    assert pick(found[("p_1", ONE)], *counts, "open_fund_account_count", "open_margin_account_count") == (
        "open", 3, 2, 1, 1, 0,
    )  # fmt: skip
    assert pick(found[("p_2", ONE)], *counts) == ("closed", 1, 0, 0)
    assert str(found[("p_2", ONE)]["last_account_closed_on"]) == ONE
    assert pick(found[("p_3", ONE)], *counts) == ("registered", 0, 0, 0)
    assert len(found) == 3


def test_build__adviser_branch_and_tags__as_of_the_date(spark):
    found = run(spark, [ONE, TWO])
    place = ("adviser_id", "adviser_name_masked", "branch_name", "branch_region")
    assert pick(found[("p_1", ONE)], *place) == ("v1", "L*", "Center", "East")  # last day of the service counts
    assert pick(found[("p_1", TWO)], *place) == ("v2", None, "Center", "East")
    assert pick(found[("p_2", ONE)], *place) == ("v4", None, None, None)  # same day: the lowest id
    assert found[("p_3", ONE)]["adviser_id"] is None
    assert pick(found[("p_1", ONE)], "tags", "definition_version") == (["a=2", "z=1"], "2")
    assert found[("p_3", ONE)]["tags"] == []


def test_build__bounds_of_definitions__included(spark):
    found = run(spark, [ONE, TWO])
    judged = ("tier_by_average", "is_high_net_worth", "professional_check", "is_risk_test_valid", "age_years")
    assert pick(found[("p_1", ONE)], *judged) == ("100k_500k", True, "consistent", True, 39)
    assert pick(found[("p_1", TWO)], *judged) == ("100k_500k", True, "consistent", False, 40)
    assert pick(found[("p_2", ONE)], *judged) == ("below_10k", False, "unknown", False, None)
    assert pick(found[("p_3", ONE)], *judged) == ("below_10k", False, None, False, None)
    one = found[("p_1", ONE)]
    assert pick(one, "days_since_registered", "days_from_opening_to_first_trade") == (1524, 792)
    assert (one["lifetime_trade_count"], str(one["lifetime_net_revenue_amount"])) == (30, "12.5000")


def test_build__month_ends_below_the_tier__kept_and_watched(spark):
    found = run(spark, [ONE])
    tiers = ("tier_by_average", "tier", "is_tier_watched", "history_month_ends")
    assert pick(found[("p_1", ONE)], *tiers) == ("100k_500k", "500k_1m", True, 5)
    assert pick(found[("p_2", ONE)], *tiers) == ("below_10k", "below_10k", False, 0)  # no windows, no history


def test_build__best_of_three_month_ends_in_the_tier__not_watched(spark):
    best = {f"best_month_average_net_assets_amount_{n}m": amount for n, amount in ((3, "6000000"), (6, "9000000"))}
    windows = [{"one_id": "p_1", "month_average_net_assets_amount": "5999999.9999", **best, "as_of_date": ONE}]
    row = run(spark, [ONE], windows=rows(spark, "silver.customer_windows", windows))[("p_1", ONE)]
    assert pick(row, "tier_by_average", "tier", "is_tier_watched") == ("1m_6m", "from_6m", False)


def test_build__range__equals_day_by_day(spark):
    assert run(spark, [ONE, TWO]) == run(spark, [ONE]) | run(spark, [TWO])


def test_build__minimal_profile__the_crm_alone(spark):
    tables = {
        "adviser_book": "silver.adviser_book_changes",
        "advisers": "silver.adviser_changes",
        "branches": "silver.branch_changes",
        "milestones": "silver.customer_milestones",
    }
    empty = {name: rows(spark, table, extra=DATES) for name, table in tables.items()}
    empty["windows"] = rows(spark, "silver.customer_windows")
    empty["tags"] = rows(spark, "gold.tag_values")
    found = run(spark, [ONE], **empty)
    assert len(found) == 3 and found[("p_1", ONE)]["net_assets_amount"] is None
    assert found[("p_1", ONE)]["is_effective"] is False
