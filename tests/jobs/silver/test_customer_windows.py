"""silver.customer_windows: sums, averages, slopes and days by hand-computed numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.methods.trading_days import nights
from jobs.silver.customer_windows import Params, build, owners_of
from tests.jobs.silver.made_nights import back_from, contract_rows, in_order, weekday_calendar
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE = "silver.customer_windows"
PARAMS = Params(effective_average_net_assets=5000, definition_version="1")
FRIDAY, MONDAY = date(2024, 3, 1), date(2024, 3, 4)
FIRST, LAST = date(2023, 1, 2), date(2024, 4, 30)
BEST = ("best_month_average_net_assets_amount_3m", "best_month_average_net_assets_amount_6m", "history_month_ends")


def day(effective: date, night: date | None = None, party: str = "c1", **values: Any) -> dict[str, Any]:
    kind = "device" if party.startswith("d") else "customer"
    return {
        "party_kind": kind,
        "party_id": party,
        "effective_date": effective,
        "_delivered_on": night or effective,
        **values,
    }


def given_days() -> list[dict[str, Any]]:
    def back(n: int) -> date:
        return back_from(MONDAY, n)

    return [
        # c1: trades on the edges of windows; the one on Saturday belongs to Monday.
        day(
            MONDAY,
            trade_count=1,
            commission_amount="5",
            stock_trade_amount="30",
            trade_amount="30",
            bank_out_amount="9",
        ),
        day(date(2024, 3, 2), MONDAY, trade_count=2, fund_trade_amount="10", trade_amount="10"),
        day(back(4), trade_count=1),
        day(back(5), trade_count=1, bank_out_amount="9"),
        day(back(19), trade_count=1, bank_in_amount="1"),
        day(back(20), trade_count=1),
        day(back(249), trade_count=1),
        # known only later: a bust of the trade 4 trading days back, delivered on Monday
        day(back(4), MONDAY, trade_count=-1),
        # c2: net assets rise by 10 a trading day for 3 days, corrected once
        day(back(2), party="c2", net_assets_amount="10"),
        day(back(1), party="c2", net_assets_amount="25"),
        day(back(1), MONDAY, party="c2", net_assets_amount="-5"),
        day(MONDAY, party="c2", net_assets_amount="30", cash_amount="10", stock_value_amount="30"),
        # c3: a peak long ago and a fall
        *[day(back(n), party="c3", net_assets_amount="2000") for n in range(100, 120)],
        day(back(60), party="c3", net_assets_amount="500"),
        # d1 is c1's, d2 belongs to nobody
        day(MONDAY, party="d1", event_count=4, evening_event_count=3, night_event_count=1, visit_count=1),
        day(MONDAY, party="d2", event_count=4),
        *[day(back(n), party="c4", money_fund_redeem_amount="1", login_count=1) for n in (0, 1, 3)],
    ]


def cut(spark: SparkSession, as_of: Sequence[date], told: Sequence[dict[str, Any]] | None = None) -> DataFrame:
    """party_days as the runner hands it: what is effective in 250 trading days and delivered by an as-of date, once."""
    found: list[dict[str, Any]] = []
    rest = given_days() if told is None else list(told)
    for date_ in sorted(as_of):
        first = back_from(date_, 250)
        known = [r for r in rest if first < r["effective_date"] <= date_ and r["_delivered_on"] <= date_]
        rest = [row for row in rest if row not in known]
        found += [{**row, "as_of_date": date_} for row in known]
    return rows(spark, "silver.party_days", found, extra={"as_of_date": "date"})


def people(spark: SparkSession, as_of: Sequence[date]) -> DataFrame:
    pairs = [("customer", "c1", "p1"), ("customer", "c2", "p2"), ("customer", "c3", "p3"), ("customer", "c4", "p4")]
    pairs += [("customer", "quiet", "p5"), ("device", "d1", "p1"), ("account", "a1", "p1")]
    found = [
        {"identifier_kind": kind, "identifier": name, "one_id": one, "as_of_date": date_}
        for date_ in as_of
        for kind, name, one in pairs
    ]
    return rows(spark, "silver.identity_map", found, extra={"as_of_date": "date"})


def accounts(spark: SparkSession, as_of: Sequence[date]) -> DataFrame:
    opened = {"c1": date(2020, 1, 1), "c2": back_from(MONDAY, 2), "c3": date(2020, 1, 1), "c4": MONDAY}
    found = [
        {"account_id": f"a_{no}", "customer_no": no, "opened_on": on, "as_of_date": date_}
        for date_ in as_of
        for no, on in opened.items()
        if on <= date_
    ]
    return rows(spark, "silver.account_changes", found, extra={"as_of_date": "date"})


def build_dates(
    spark: SparkSession, as_of: Sequence[date], told: Sequence[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    made = build(
        party_days=cut(spark, as_of, told),
        identity_map=people(spark, as_of),
        accounts=accounts(spark, as_of),
        calendar=weekday_calendar(spark, FIRST, LAST),
        params=PARAMS,
    )
    return in_order(contract_rows(TABLE, made))


@pytest.fixture(scope="module")
def made(spark: SparkSession) -> dict[tuple[str, date], dict[str, Any]]:
    return {(row["one_id"], row["as_of_date"]): row for row in build_dates(spark, [FRIDAY, MONDAY])}


def test_build__two_dates__equal_date_by_date(
    spark: SparkSession, made: dict[tuple[str, date], dict[str, Any]]
) -> None:
    alone = build_dates(spark, [FRIDAY]) + build_dates(spark, [MONDAY])
    assert in_order(alone) == in_order(list(made.values()))


def test_build__window_edges__both_ends_included(made: dict[tuple[str, date], dict[str, Any]]) -> None:
    row = made["p1", MONDAY]
    assert [row[f"trade_count_{n}td"] for n in (5, 20, 60, 120, 250)] == [3, 5, 6, 6, 7]
    assert [row[f"trading_days_with_trades_{n}td"] for n in (5, 20, 60, 120, 250)] == [1, 3, 4, 4, 5]
    assert row["trading_days_since_last_trade"] == 0


def test_build__correction_delivered_later__not_known_before(made: dict[tuple[str, date], dict[str, Any]]) -> None:
    assert made["p1", FRIDAY]["trading_days_since_last_trade"] == 3
    assert made["p1", FRIDAY]["trade_count_5td"] == 2
    assert made["p2", FRIDAY]["net_assets_amount"] == Decimal(25)


def test_build__averages__divide_by_trading_days(made: dict[tuple[str, date], dict[str, Any]]) -> None:
    row = made["p2", MONDAY]
    assert (row["history_trading_days"], row["net_assets_amount"]) == (3, Decimal(30))
    assert row["average_net_assets_amount_5td"] == Decimal(12)
    assert row["average_net_assets_amount_20td"] == Decimal(3)
    # March 2024 had two trading days by Monday the 4th: 20 (corrected) and 30.
    assert row["month_average_net_assets_amount"] == Decimal(25)
    assert row["peak_average_net_assets_amount_250td"] == Decimal(3)
    assert (row["cash_ratio"], row["stock_ratio"]) == (0.25, 0.75)


def test_build__slopes__least_squares_or_null_on_short_history(made: dict[tuple[str, date], dict[str, Any]]) -> None:
    assert made["p2", MONDAY]["net_assets_slope_20td"] is None
    # 20 days of 0 but for 500 at back = 60: Σy = 500, x = 250 - 1 - 60 = 189, so
    # (250 x 189 x 500 - 31,125 x 500 + ...) is checked with plain arithmetic below.
    n, y = 250, [0.0] * 250
    for back in range(100, 120):
        y[n - 1 - back] = 2000.0
    y[n - 1 - 60] = 500.0
    mean_x, mean_y = (n - 1) / 2, sum(y) / n
    expected = sum((x - mean_x) * (v - mean_y) for x, v in enumerate(y)) / sum((x - mean_x) ** 2 for x in range(n))
    assert made["p3", MONDAY]["net_assets_slope_250td"] == pytest.approx(expected, rel=1e-9)


def test_build__peak_and_drawdown__of_the_daily_series(made: dict[tuple[str, date], dict[str, Any]]) -> None:
    row = made["p3", MONDAY]
    assert row["peak_average_net_assets_amount_250td"] == Decimal(2000)
    assert row["max_drawdown_ratio_250td"] == pytest.approx(0.75)
    assert row["net_assets_amount_60td_ago"] == Decimal(500)
    assert row["net_assets_amount"] == 0


def test_build__outflow__by_week(made: dict[tuple[str, date], dict[str, Any]]) -> None:
    row = made["p1", MONDAY]
    assert (row["net_inflow_amount_5td"], row["net_inflow_amount_20td"]) == (Decimal(-9), Decimal(-17))
    assert row["outflow_weeks_20td"] == 2


def test_build__device__counts_for_its_person_only(made: dict[tuple[str, date], dict[str, Any]]) -> None:
    row = made["p1", MONDAY]
    assert (row["event_count_20td"], row["event_count_30d"], row["visit_count_5td"]) == (4, 4, 1)
    assert row["active_days_30d"] == 1
    assert row["hour_entropy_60td"] == pytest.approx(0.5623351446)  # -(3/4 ln 3/4 + 1/4 ln 1/4)
    assert sum(r["event_count_20td"] for r in made.values()) == 4


def test_build__redemption_streak__unbroken_up_to_the_date(made: dict[tuple[str, date], dict[str, Any]]) -> None:
    row = made["p4", MONDAY]
    assert (row["money_fund_redemption_streak_days"], row["trading_days_with_money_fund_redemptions_20td"]) == (2, 3)
    assert (row["login_count_5td"], row["trading_days_with_logins_20td"], row["history_trading_days"]) == (3, 3, 1)
    assert (row["net_assets_amount"], row["month_average_net_assets_amount"]) == (0, 0)


def test_owners_of__device_that_comes_back__no_owner_in_between(spark: SparkSession) -> None:
    tuesday, wednesday = date(2024, 3, 5), date(2024, 3, 6)
    owned = [("d1", "p1", FRIDAY), ("d1", "p2", MONDAY), ("d1", "p1", tuesday), ("d1", "p1", wednesday)]
    asked = spark.createDataFrame(
        [("device", *told) for told in owned], "party_kind string, party_id string, one_id string, as_of_date date"
    )
    calendar = weekday_calendar(spark, FIRST, LAST)
    first, *_ = [row["night_number"] for row in nights(calendar).where(F.col("night") == FRIDAY).collect()]
    found = {(row["one_id"], row["_since"], row["_until"]) for row in owners_of(asked, calendar).collect()}
    assert found == {("p1", first, first), ("p2", first + 1, first + 1), ("p1", first + 2, first + 3)}


def test_build__customer_without_activity__zeros_and_nulls(made: dict[tuple[str, date], dict[str, Any]]) -> None:
    row = made["p5", MONDAY]
    assert (row["trade_count_250td"], row["net_assets_amount"], row["history_trading_days"]) == (0, 0, 0)
    assert row["average_net_assets_amount_20td"] is None
    assert row["trading_days_since_last_trade"] is None
    assert (row["is_effective"], made["p1", MONDAY]["is_effective"]) == (False, True)
    assert made["p1", FRIDAY]["is_effective"] is False


def test_build__no_facts_at_all__still_a_row_per_customer(spark: SparkSession) -> None:
    nothing = cut(spark, [MONDAY]).where(F.lit(False))
    made = build(
        party_days=nothing,
        identity_map=people(spark, [MONDAY]),
        accounts=accounts(spark, [MONDAY]),
        calendar=weekday_calendar(spark, MONDAY - timedelta(days=9), MONDAY),
        params=PARAMS,
    )
    assert made.select("one_id").count() == 5


MONTH_LEVELS = {8: 100, 9: 50, 10: 40, 11: 60, 12: 30, 1: 20, 2: 10, 3: 15, 4: 200}
"""Net assets on every weekday of the month, August 2023 to April 2024."""
MONTH_ENDS = {
    # as-of date: the best of the running month and three month ends, of it and six, month ends known of six
    date(2023, 8, 30): (100, 100, 0),
    date(2023, 8, 31): (100, 100, 1),
    date(2023, 9, 15): (100, 100, 1),
    date(2023, 11, 29): (100, 100, 3),  # August is the third month end
    date(2023, 11, 30): (60, 100, 4),
    date(2024, 2, 28): (60, 100, 6),  # August is the sixth
    date(2024, 2, 29): (30, 60, 6),
    date(2024, 4, 1): (200, 200, 6),
}


def month_days() -> list[dict[str, Any]]:
    first, last = date(2023, 8, 1), date(2024, 4, 1)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [day(d, net_assets_amount=str(MONTH_LEVELS[d.month])) for d in days if d.weekday() < 5]


def test_build__month_ends__best_average_of_the_last_three_and_six(spark: SparkSession) -> None:
    found = {
        row["as_of_date"]: tuple(row[name] for name in BEST)
        for row in build_dates(spark, list(MONTH_ENDS), month_days())
        if row["one_id"] == "p1"
    }
    assert found == MONTH_ENDS


def test_build__month_end_corrected_later__counts_from_the_night_that_told_it(spark: SparkSession) -> None:
    told = [*month_days(), day(date(2024, 1, 31), date(2024, 2, 15), net_assets_amount="2300")]
    found = build_dates(spark, [date(2024, 2, 14), date(2024, 2, 15)], told)
    best = [row["best_month_average_net_assets_amount_3m"] for row in found if row["one_id"] == "p1"]
    assert sorted(best) == [Decimal(60), Decimal(120)]  # January had 23 weekdays: 20 and 100 more


def test_build__history_within_the_month__days_before_it_count_as_nothing(
    made: dict[tuple[str, date], dict[str, Any]],
) -> None:
    row = made["p2", MONDAY]  # opened on Thursday, 29 February: 10 on one of 21 weekdays
    assert [row[name] for name in BEST] == [Decimal(25), Decimal(25), 1]
    assert [made["p5", MONDAY][name] for name in BEST] == [None, None, 0]
