"""silver.customer_milestones: states as known that night; effective accounts by hand-computed windows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.silver.customer_milestones import Params, build
from tests.jobs.silver.made_nights import at_once, before, night_by_night, of_nights, weekday_calendar
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE = "silver.customer_milestones"
PARAMS = Params(effective_average_net_assets=5000)
FRIDAY, MONDAY, TUESDAY, WEDNESDAY = date(2024, 3, 1), date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 6)
NIGHTS = [FRIDAY, MONDAY, TUESDAY, WEDNESDAY]
JANUARY_2, JANUARY_3 = date(2024, 1, 2), date(2024, 1, 3)


def day(party: str, effective: date, night: date, **values: Any) -> dict[str, Any]:
    return {"party_kind": "customer", "party_id": party, "effective_date": effective, "_delivered_on": night, **values}


def account(account_id: str, night: date, sequence: int, **values: Any) -> dict[str, Any]:
    effective = values.pop("effective_date", night)
    return {
        "account_id": account_id,
        "customer_no": "closing",
        "change_sequence": sequence,
        "effective_date": effective,
        "opened_on": date(2023, 5, 4),
        "_delivered_on": night,
        "_business_date": night,
        **values,
    }


def party_days(spark: SparkSession) -> DataFrame:
    """Nights before the run (January), then a first trade that is late, one that is busted, and money coming in."""
    return rows(
        spark,
        "silver.party_days",
        [
            day("trader", FRIDAY, FRIDAY, trade_count=2, net_revenue_amount="3"),
            day("trader", MONDAY, MONDAY, trade_count=1, net_revenue_amount="4"),
            day("trader", date(2024, 2, 28), TUESDAY, trade_count=1, net_revenue_amount="5"),
            day("trader", date(2024, 2, 28), WEDNESDAY, trade_count=-1, net_revenue_amount="-5"),
            day("trader", FRIDAY, WEDNESDAY, trade_count=-1),
            day("funded", date(2024, 3, 3), MONDAY, bank_in_count=1, bank_in_amount="8"),
            day("funded", date(2024, 3, 3), TUESDAY, bank_in_count=-1, bank_in_amount="-8"),
            day("funded", WEDNESDAY, WEDNESDAY, custody_in_amount="4"),
            day("rich", MONDAY, MONDAY, net_assets_amount="99999.9999"),
            day("rich", TUESDAY, TUESDAY, net_assets_amount="0.0001"),
            day("rich_late", FRIDAY, TUESDAY, net_assets_amount="100000"),
            day("old", JANUARY_2, JANUARY_2, net_assets_amount="99999"),
            day("old", MONDAY, MONDAY, net_assets_amount="99999"),
            day("payer", TUESDAY, TUESDAY, commission_amount="0.01"),
            day("gone", JANUARY_3, JANUARY_3, commission_amount="5", trade_count=1, net_revenue_amount="5"),
            {**day("d1", MONDAY, MONDAY, event_count=2), "party_kind": "device"},
            {**day("d1", TUESDAY, TUESDAY, event_count=2), "party_kind": "device"},
        ],
    )


def customers(spark: SparkSession) -> DataFrame:
    given = [
        {"customer_no": "trader", "change_sequence": 1, "effective_date": FRIDAY, "_delivered_on": FRIDAY},
        {"customer_no": "trader", "change_sequence": 2, "effective_date": MONDAY, "_delivered_on": MONDAY},
    ]
    return rows(spark, "silver.customer_changes", given)


def accounts(spark: SparkSession) -> DataFrame:
    """Two accounts; one closes, then the other, then an older change comes late, then one opens again."""
    given = [
        account("a1", FRIDAY, 1),
        account("a2", FRIDAY, 2, opened_on=date(2022, 2, 2)),
        account("a1", MONDAY, 3, closed_on=MONDAY),
        account("a2", TUESDAY, 5, closed_on=TUESDAY),
        account("a2", WEDNESDAY, 4, effective_date=MONDAY),
        account("a3", WEDNESDAY, 6, customer_no="other"),
    ]
    return rows(spark, "silver.account_changes", given)


def build_nights(spark: SparkSession, nights: Sequence[date], earlier: DataFrame) -> DataFrame:
    days, people, held = party_days(spark), customers(spark), accounts(spark)
    return build(
        party_days=of_nights(days, nights),
        earlier_party_days=before(days, nights[0]),
        customers=of_nights(people, nights),
        accounts=of_nights(held, nights),
        earlier_accounts=before(held, nights[0]),
        earlier=earlier,
        calendar=weekday_calendar(spark),
        params=PARAMS,
    )


@pytest.fixture(scope="module")
def made(spark: SparkSession) -> list[dict[str, Any]]:
    return at_once(spark, TABLE, [JANUARY_2, JANUARY_3, *NIGHTS], lambda nights, log: build_nights(spark, nights, log))


def state(made: list[dict[str, Any]], party: str, night: date) -> dict[str, Any]:
    """The latest state by a night."""
    known = [row for row in made if row["party_id"] == party and row["_delivered_on"] <= night]
    return max(known, key=lambda row: row["_delivered_on"], default={})


def test_build__range_of_nights__equals_night_by_night(spark: SparkSession, made: list[dict[str, Any]]) -> None:
    def made_of(nights: Sequence[date], log: DataFrame) -> DataFrame:
        return build_nights(spark, nights, log)

    assert night_by_night(spark, TABLE, NIGHTS[1:], made_of, history=[JANUARY_2, JANUARY_3, FRIDAY]) == made


def test_build__late_first_trade__counts_from_its_night_on(made: list[dict[str, Any]]) -> None:
    firsts = [
        (state(made, "trader", night)["first_trade_on"], state(made, "trader", night)["second_trade_on"])
        for night in NIGHTS
    ]
    late = date(2024, 2, 28)
    assert firsts == [(FRIDAY, None), (FRIDAY, MONDAY), (late, FRIDAY), (FRIDAY, MONDAY)]


def test_build__trades_taken_back__lifetime_counts_follow(made: list[dict[str, Any]]) -> None:
    names = ("lifetime_trading_days_with_trades", "lifetime_trade_count", "lifetime_net_revenue_amount")
    known = [tuple(state(made, "trader", night)[name] for name in names) for night in NIGHTS]
    assert known == [(1, 2, Decimal(3)), (2, 3, Decimal(7)), (3, 4, Decimal(12)), (2, 2, Decimal(7))]
    assert state(made, "trader", WEDNESDAY)["last_trade_on"] == MONDAY


def test_build__first_money_withdrawn__funded_by_the_next(made: list[dict[str, Any]]) -> None:
    known = [state(made, "funded", night).get("funded_on") for night in NIGHTS]
    assert known == [None, date(2024, 3, 3), None, WEDNESDAY]


def test_build__average_reaches_threshold__effective_that_night(made: list[dict[str, Any]]) -> None:
    # 20 x 5,000 = 100,000: 99,999.9999 on Monday is short, one ten-thousandth more on Tuesday is enough.
    assert state(made, "rich", MONDAY) == {}
    assert state(made, "rich", TUESDAY)["first_effective_on"] == TUESDAY
    assert state(made, "rich_late", WEDNESDAY)["first_effective_on"] == TUESDAY


def test_build__money_outside_twenty_trading_days__does_not_add(made: list[dict[str, Any]]) -> None:
    assert state(made, "old", WEDNESDAY) == {}


def test_build__any_commission__effective_that_night(made: list[dict[str, Any]]) -> None:
    assert state(made, "payer", WEDNESDAY)["first_effective_on"] == TUESDAY
    assert state(made, "gone", WEDNESDAY)["first_effective_on"] == JANUARY_3


def test_build__accounts_close_and_old_change_comes_late__closed_when_all_are(made: list[dict[str, Any]]) -> None:
    assert [state(made, "closing", night)["closed_on"] for night in NIGHTS] == [None, None, TUESDAY, TUESDAY]
    assert state(made, "closing", FRIDAY)["opened_on"] == date(2022, 2, 2)


def test_build__device__first_event_and_no_row_without_news(made: list[dict[str, Any]]) -> None:
    found = [(row["_delivered_on"], row["first_event_on"]) for row in made if row["party_id"] == "d1"]
    assert found == [(MONDAY, MONDAY)]
    assert state(made, "trader", MONDAY)["registered_on"] == FRIDAY
