from __future__ import annotations

from datetime import date, timedelta

import pytest

from brokerlake.catalog import contract_of
from jobs.gold.churn_features import Params, build
from tests.jobs.gold.people import DATES, ONE, PROJECT, TWO, customers, fit, identity_map, missing_required, parameters
from tests.rows import as_dicts, rows

PARAMS = Params(**parameters("gold.churn_features"))
OWNERS = {"c1": "p_1", "c2": "p_2"}
WINDOW = {
    "one_id": "p_1",
    "net_assets_amount": "6000",
    "average_net_assets_amount_20td": "8000",
    "average_net_assets_amount_60td": "9000",
    "peak_average_net_assets_amount_250td": "12000",
    "net_inflow_amount_20td": "-4000",
    "profit_amount_20td": "-800",
    "trade_count_20td": 1,
    "trade_count_60td": 4,
    "trade_count_250td": 9,
    "is_effective": True,
}


def quotes(spark, days):
    """The index: 100 twenty quoted days ago, 95 on the as-of date; another product moves otherwise."""
    values = []
    for day in days:
        for ago in range(21):
            on = date.fromisoformat(day) - timedelta(days=ago)
            price = {0: "95", 20: "100"}.get(ago, "70")
            values.append({"product_id": "000300.IDX", "quote_date": on, "close": price, "as_of_date": day})
            values.append({"product_id": "600000", "quote_date": on, "close": "1", "as_of_date": day})
    return rows(spark, "silver.quotes", values, extra=DATES)


def inputs(spark, days) -> dict:
    on = [{"as_of_date": day} for day in days]
    reached = [{"party_kind": "customer", "party_id": "c1", "opened_on": "2024-02-03", **day} for day in on]
    crm = [{"customer_no": no, "risk_assessed_on": "2024-03-01", **day} for no in OWNERS for day in on]
    return {
        "customers": customers(spark, crm),
        "windows": rows(spark, "silver.customer_windows", [{**WINDOW, **day} for day in on]),
        "milestones": rows(spark, "silver.customer_milestones", reached, extra=DATES),
        "identity_map": identity_map(spark, OWNERS, on),
        "quotes": quotes(spark, days),
        "params": PARAMS,
    }


def run(spark, days, **changes) -> dict[tuple[str, str], dict]:
    frame = fit(build(**{**inputs(spark, days), **changes}), "gold.churn_features")
    assert missing_required(frame, "gold.churn_features") == []
    return {(row["one_id"], str(row["as_of_date"])): row for row in as_dicts(frame)}


def test_contract__features__at_least_25_and_none_from_the_future():
    names = [column.name for column in contract_of(PROJECT, "gold.churn_features").columns]
    assert len(names) - 3 >= 25
    assert not [name for name in names if "known_on" in name or "label" in name or "churn" in name]


def test_build__a_loss_in_a_falling_market__is_set_against_it(spark):
    row = run(spark, [ONE])[("p_1", ONE)]
    assert row["market_return_20td"] == pytest.approx(-0.05, abs=1e-12)
    assert row["profit_ratio_20td"] == pytest.approx(-0.1, abs=1e-12)
    assert row["excess_profit_ratio_20td"] == pytest.approx(-0.05, abs=1e-12)
    assert row["net_inflow_ratio_20td"] == -0.5 and row["peak_ratio_250td"] == 0.75
    assert row["trade_count_share_20td_of_60td"] == 0.25 and row["login_count_share_20td_of_60td"] is None
    assert (row["days_since_opened"], row["risk_test_age_days"], row["has_open_account"]) == (30, 3, True)
    assert row["market_return_60td"] is None and row["excess_profit_ratio_60td"] is None


def test_build__average_at_and_below_the_threshold__ratio_or_none(spark):
    def with_average(amount):
        windows = rows(
            spark,
            "silver.customer_windows",
            [{**WINDOW, "average_net_assets_amount_20td": amount, "as_of_date": ONE}],
        )
        return run(spark, [ONE], windows=windows)[("p_1", ONE)]["profit_ratio_20td"]

    assert with_average("1000") == -0.8 and with_average("999.9999") is None


def test_build__range_and_no_quotes__equals_day_by_day(spark):
    both = run(spark, [ONE, TWO])
    assert both == run(spark, [ONE]) | run(spark, [TWO])
    without = run(spark, [ONE], quotes=rows(spark, "silver.quotes", extra=DATES))
    assert len(without) == 2 and without[("p_1", ONE)]["excess_profit_ratio_20td"] is None
    assert without[("p_2", ONE)]["has_open_account"] is False
