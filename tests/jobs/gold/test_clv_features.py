from __future__ import annotations

from datetime import date, timedelta

from jobs.gold.clv_features import Params, build
from tests.jobs.gold.people import DATES, ONE, TWO, customers, fit, identity_map, missing_required
from tests.rows import as_dicts, rows

OWNERS = {"c1": "p_1", "c2": "p_2", "c3": "p_3"}


def calendar(spark):
    """2024-02-26 (Monday) to 2024-03-08, weekends shut; numbers from 100."""
    values, number = [], 99
    for offset in range(12):
        day = date(2024, 2, 26) + timedelta(days=offset)
        number += day.weekday() < 5
        values.append({"natural_date": day, "is_trading_day": day.weekday() < 5, "trading_day_number": number})
    return rows(spark, "silver.calendar", values)


def inputs(spark, days) -> dict:
    reached = []
    for day in days:
        reached += [
            {"party_id": "c1", "first_trade_on": "2024-02-26", "last_trade_on": "2024-03-02", "opened_on": "2024-01-01",
             "lifetime_trading_days_with_trades": 3, "lifetime_trade_count": 7, "lifetime_net_revenue_amount": "10"},
            {"party_id": "c2", "first_trade_on": day, "last_trade_on": day, "opened_on": "2024-01-01",
             "closed_on": day, "lifetime_trading_days_with_trades": 1, "lifetime_trade_count": 1,
             "lifetime_net_revenue_amount": "0"},
        ]  # fmt: skip
    at = [{"party_kind": "customer", "as_of_date": days[index // 2], **row} for index, row in enumerate(reached)]
    windows = [{"one_id": "p_1", "as_of_date": day, "fund_value_amount": "500"} for day in days]
    return {
        "customers": customers(spark, [{"customer_no": no, "as_of_date": day} for no in OWNERS for day in days]),
        "windows": rows(spark, "silver.customer_windows", windows),
        "milestones": rows(spark, "silver.customer_milestones", at, extra=DATES),
        "identity_map": identity_map(spark, OWNERS, [{"as_of_date": day} for day in days]),
        "calendar": calendar(spark),
        "params": Params(),
    }


def run(spark, days) -> dict[tuple[str, str], tuple]:
    frame = fit(build(**inputs(spark, days)), "gold.clv_features")
    assert missing_required(frame, "gold.clv_features") == []
    names = ("frequency", "recency_trading_days", "age_trading_days", "net_revenue_per_trade_day_amount",
             "has_open_account", "fund_value_amount")  # fmt: skip
    return {(r["one_id"], str(r["as_of_date"])): tuple(str(r[name]) for name in names) for r in as_dicts(frame)}


def test_build__weekend_trade_single_trade_and_never__counted_in_trading_days(spark):
    assert run(spark, [ONE]) == {
        # the Saturday belongs to Monday 2024-03-04: five trading days after Monday 2024-02-26
        ("p_1", ONE): ("2", "5", "5", "3.3333", "True", "500.0000"),
        ("p_2", ONE): ("0", "0", "0", "0.0000", "False", "None"),
        ("p_3", ONE): ("None", "None", "None", "None", "False", "None"),
    }


def test_build__range__equals_day_by_day(spark):
    both = run(spark, [ONE, TWO])
    assert both == run(spark, [ONE]) | run(spark, [TWO])
    assert both[("p_1", TWO)][:3] == ("2", "5", "6")
