"""silver.party_days: additive changes, exact under late rows, revisions, busts and withdrawals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.silver.party_days import Params, build
from tests.jobs.silver.made_nights import at_once, before, contract_rows, night_by_night, of_nights
from tests.rows import rows

pytestmark = pytest.mark.spark
FRIDAY, MONDAY, TUESDAY = date(2024, 3, 1), date(2024, 3, 4), date(2024, 3, 5)
SATURDAY = date(2024, 3, 2)
NIGHTS = [FRIDAY, MONDAY, TUESDAY]
PARAMS = Params(
    time_zone="Asia/Shanghai",
    product_groups={"stock": ["stock"], "fund": ["fund_equity"], "money_fund": ["fund_money"]},
    filled_statuses=["filled"],
    cancelled_statuses=["cancelled"],
    closing_topics=["account_closing"],
)
WITH_EARLIER = (
    "executions",
    "cash_flows",
    "security_movements",
    "positions",
    "balances",
    "orders",
    "logins",
    "contacts",
    "ad_clicks",
    "events",
)


def on(night: date, business: date | None = None, **values: Any) -> dict[str, Any]:
    """A delivered row, on time unless a business date is given."""
    return {"_delivered_on": night, "_business_date": business or night, "customer_no": "c1", **values}


def fill(night: date, execution_id: str, trade_date: date, amount: str, **values: Any) -> dict[str, Any]:
    defaults = {
        "business_kind": "buy",
        "product_line": "stock",
        "commission": "5",
        "net_revenue_amount": "4",
        "is_customer_initiated": True,
    }
    return on(night, execution_id=execution_id, trade_date=trade_date, amount=amount, **{**defaults, **values})


Given = dict[str, list[dict[str, Any]]]


def trades_and_money() -> Given:
    """A late fill, a revision, a bust within its night, a withdrawal, a corrected flow and balance, a weekend."""
    return {
        "executions": [
            fill(FRIDAY, "e1", FRIDAY, "1000"),
            fill(FRIDAY, "e2", FRIDAY, "300", business_kind="redeem", product_line="fund_money"),
            fill(FRIDAY, "e3", FRIDAY, "70", is_customer_initiated=False),
            fill(MONDAY, "e1", FRIDAY, "1100", revision=1, commission="6"),
            fill(MONDAY, "e4", FRIDAY, "40", product_line=None, _business_date=FRIDAY),
            fill(MONDAY, "e5", MONDAY, "500"),
            fill(MONDAY, "e5", MONDAY, "500", revision=1, is_busted=True),
            fill(
                TUESDAY,
                "e2",
                FRIDAY,
                "300",
                business_kind="redeem",
                _withdrawn=True,
                _business_date=FRIDAY,
                _sequence=2,
            ),
            fill(TUESDAY, "e1", FRIDAY, "1000", revision=0, _business_date=FRIDAY),
        ],
        "cash_flows": [
            on(MONDAY, flow_id="f1", kind="bank_out", amount="-20.5", flow_date=SATURDAY),
            on(MONDAY, flow_id="f2", kind="bank_in", amount="7", flow_date=MONDAY),
            on(
                TUESDAY,
                flow_id="f1",
                kind="bank_out",
                amount="-25.5",
                flow_date=SATURDAY,
                _business_date=MONDAY,
                _sequence=2,
            ),
        ],
        "security_movements": [on(MONDAY, movement_id="m1", kind="custody_out", value="-90", occurred_on=MONDAY)],
        "positions": [
            on(FRIDAY, position_date=FRIDAY, product_line="stock", market_value="80", account_id="a1"),
            on(MONDAY, position_date=MONDAY, product_line="private", market_value="60", account_id="a1"),
        ],
        "balances": [
            on(FRIDAY, balance_date=FRIDAY, account_id="a1", net_assets_amount="100", cash="15", in_transit="5"),
            on(MONDAY, balance_date=MONDAY, account_id="a1", net_assets_amount="110", profit_amount="3"),
            on(TUESDAY, FRIDAY, balance_date=FRIDAY, account_id="a1", net_assets_amount="104", cash="19", _sequence=2),
        ],
    }


def behaviour() -> Given:
    """An order, a login, contacts, a click and events, known and unknown customers."""
    return {
        "orders": [on(MONDAY, order_id="o1", entry_channel="app", status="filled", order_date=MONDAY)],
        "logins": [on(MONDAY, account_id="a1", terminal="own_app", login_date=SATURDAY)],
        "contacts": [
            on(MONDAY, contact_id="k1", kind="complaint", topic="account_closing", contact_date=MONDAY),
            on(MONDAY, contact_id="k2", kind="call", contact_date=MONDAY, customer_no=None),
        ],
        "ad_clicks": [
            {
                "click_id": "q1",
                "device_id": "d9",
                "click_date": MONDAY,
                "_delivered_on": MONDAY,
                "_business_date": MONDAY,
            }
        ],
        "events": [
            on(
                MONDAY,
                event_id="v1",
                device_id="d1",
                event_date=MONDAY,
                occurred_at="2024-03-03T22:10:00",
                page_kind="closing",
            ),
            on(
                MONDAY,
                event_id="v2",
                device_id="d1",
                customer_no=None,
                event_date=MONDAY,
                event="banner_click",
                occurred_at="2024-03-04T01:30:00",
                page_kind="banner",
            ),
        ],
    }


def facts(spark: SparkSession) -> dict[str, DataFrame]:
    """Three nights of everything a party can do."""
    given = trades_and_money() | behaviour()
    return {name: rows(spark, f"silver.{name}", values) for name, values in given.items()}


def visits_of(spark: SparkSession) -> DataFrame:
    start = "2024-03-03T22:10:00"
    return rows(
        spark,
        "silver.visits",
        [
            {"visit_id": "w1", "customer_no": "c1", "started_at": start, "duration_ms": 9, "_delivered_on": MONDAY},
            {"visit_id": "w2", "device_id": "d1", "started_at": start, "is_continued": True, "_delivered_on": MONDAY},
        ],
    )


def build_nights(spark: SparkSession, given: dict[str, DataFrame], nights: Sequence[date]) -> DataFrame:
    inputs = {name: of_nights(given[name], nights) for name in WITH_EARLIER}
    inputs |= {f"earlier_{name}": before(given[name], nights[0]) for name in WITH_EARLIER}
    return build(**inputs, visits=of_nights(visits_of(spark), nights), params=PARAMS)


@pytest.fixture(scope="module")
def made(spark: SparkSession) -> list[dict[str, Any]]:
    """All three nights in one pass."""
    return at_once(spark, "silver.party_days", NIGHTS, lambda nights, _: build_nights(spark, facts(spark), nights))


def known(made: list[dict[str, Any]], day: date, by: date, measure: str, party: str = "c1") -> Any:
    """The day as known on a night: the sum of all changes delivered by then."""
    values = [
        r[measure] for r in made if (r["party_id"], r["effective_date"]) == (party, day) and r["_delivered_on"] <= by
    ]
    return sum(values)


def test_build__range_of_nights__equals_night_by_night(spark: SparkSession, made: list[dict[str, Any]]) -> None:
    given = facts(spark)
    one_by_one = night_by_night(
        spark, "silver.party_days", NIGHTS, lambda nights, _: build_nights(spark, given, nights)
    )
    assert one_by_one == made


def test_build__revision__adds_new_less_old(made: list[dict[str, Any]]) -> None:
    assert known(made, FRIDAY, FRIDAY, "buy_amount") == Decimal(1000)
    assert known(made, FRIDAY, MONDAY, "buy_amount") == Decimal(1140)
    assert known(made, FRIDAY, MONDAY, "commission_amount") == Decimal(21)
    change = [r for r in made if r["effective_date"] == FRIDAY and r["_delivered_on"] == MONDAY]
    assert [r["buy_amount"] for r in change] == [Decimal(140)]


def test_build__older_version_comes_after_newer__changes_nothing(made: list[dict[str, Any]]) -> None:
    assert known(made, FRIDAY, TUESDAY, "buy_amount") == Decimal(1140)


def test_build__withdrawal__takes_the_row_back(made: list[dict[str, Any]]) -> None:
    assert known(made, FRIDAY, MONDAY, "money_fund_redeem_amount") == Decimal(300)
    assert known(made, FRIDAY, TUESDAY, "money_fund_redeem_amount") == 0
    assert known(made, FRIDAY, TUESDAY, "trade_count") == 2


def test_build__bust_in_the_same_night__counts_for_nothing(made: list[dict[str, Any]]) -> None:
    assert known(made, MONDAY, MONDAY, "trade_count") == 0
    assert known(made, MONDAY, MONDAY, "commission_amount") == 0


def test_build__system_entry__pays_commission_and_is_no_trade(made: list[dict[str, Any]]) -> None:
    assert known(made, FRIDAY, FRIDAY, "trade_count") == 2
    assert known(made, FRIDAY, FRIDAY, "system_trade_count") == 1
    assert known(made, FRIDAY, FRIDAY, "trade_amount") == Decimal(1300)
    assert known(made, FRIDAY, FRIDAY, "commission_amount") == Decimal(15)


def test_build__unknown_product_line__is_other(made: list[dict[str, Any]]) -> None:
    assert known(made, FRIDAY, MONDAY, "other_trade_amount") == Decimal(40)
    assert known(made, FRIDAY, MONDAY, "stock_trade_amount") == Decimal(1100)


def test_build__weekend_transfer_corrected_next_night__unsigned_on_its_own_date(made: list[dict[str, Any]]) -> None:
    assert known(made, SATURDAY, MONDAY, "bank_out_amount") == Decimal("20.5")
    assert known(made, SATURDAY, TUESDAY, "bank_out_amount") == Decimal("25.5")
    assert known(made, SATURDAY, TUESDAY, "bank_out_count") == 1


def test_build__corrected_balance__level_of_its_date_moves(made: list[dict[str, Any]]) -> None:
    assert known(made, FRIDAY, MONDAY, "net_assets_amount") == Decimal(100)
    assert known(made, FRIDAY, TUESDAY, "net_assets_amount") == Decimal(104)
    assert known(made, FRIDAY, MONDAY, "cash_amount") == Decimal(20)
    assert known(made, MONDAY, MONDAY, "net_assets_amount") == Decimal(110)
    assert known(made, MONDAY, MONDAY, "profit_amount") == Decimal(3)


def test_build__positions__by_product_group(made: list[dict[str, Any]]) -> None:
    assert known(made, FRIDAY, MONDAY, "stock_value_amount") == Decimal(80)
    assert known(made, MONDAY, MONDAY, "other_value_amount") == Decimal(60)


def test_build__events__count_for_the_login_else_the_device(made: list[dict[str, Any]]) -> None:
    assert known(made, MONDAY, MONDAY, "closing_page_count") == 1
    assert known(made, MONDAY, MONDAY, "morning_event_count") == 1
    assert known(made, MONDAY, MONDAY, "event_count") == 1
    device = {
        m: known(made, MONDAY, MONDAY, m, "d1") for m in ("event_count", "banner_click_count", "midday_event_count")
    }
    assert device == {"event_count": 1, "banner_click_count": 1, "midday_event_count": 1}
    assert known(made, MONDAY, MONDAY, "ad_click_count", "d9") == 1


def test_build__visits__continued_part_begins_none(made: list[dict[str, Any]]) -> None:
    assert (known(made, MONDAY, MONDAY, "visit_count"), known(made, MONDAY, MONDAY, "duration_ms")) == (1, 9)
    assert known(made, MONDAY, MONDAY, "visit_count", "d1") == 0


def test_build__contacts_orders_logins__are_counted(made: list[dict[str, Any]]) -> None:
    counts = ("contact_count", "complaint_count", "closing_question_count", "order_count", "filled_order_count")
    assert [known(made, MONDAY, MONDAY, m) for m in counts] == [1, 1, 1, 1, 1]
    assert known(made, SATURDAY, MONDAY, "own_app_login_count") == 1
    assert known(made, MONDAY, MONDAY, "custody_out_amount") == Decimal(90)
    assert all(r["party_id"] is not None for r in made)


def test_build__minimal_profile_without_rows__is_empty(spark: SparkSession) -> None:
    given = {name: frame.where(F.lit(False)) for name, frame in facts(spark).items()}
    inputs = {**given, **{f"earlier_{name}": frame for name, frame in given.items()}}
    visits = visits_of(spark).where(F.lit(False))
    assert contract_rows("silver.party_days", build(**inputs, visits=visits, params=PARAMS)) == []
