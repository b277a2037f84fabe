"""The chain party_days → windows and milestones → gold over a small made-up lake equals the independent queries."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from brokerlake.catalog import contract_of, load_catalogue
from jobs.gold import churn_features, clv_features, customer_360, rfm, tag_values, tag_wide
from jobs.silver import customer_milestones, customer_windows, party_days
from tests.jobs.gold.independent import queries, tags
from tests.jobs.gold.independent.compare import compare
from tests.jobs.gold.people import DATES, PROJECT, fit, parameters, tag_records
from tests.rows import rows

FIRST, AS_OF = date(2024, 1, 1), date(2024, 4, 30)
TODAY = {"as_of_date": AS_OF}
PEOPLE = 12
ABOVE_A_BOUND = {0: 12_000, 1: 600_000, 2: 105_000}
"""Net assets with which the first people begin: falling, they leave a tier."""


def calendar() -> list[dict[str, Any]]:
    values, number = [], 0
    for offset in range(180):
        day = FIRST + timedelta(days=offset)
        number += day.weekday() < 5
        values.append({"calendar": "XSHG", "natural_date": day, "is_trading_day": day.weekday() < 5,
                       "trading_day_number": number})  # fmt: skip
    for at, value in enumerate(values):
        before = [v["natural_date"] for v in values[:at] if v["is_trading_day"]]
        value["previous_trading_date"] = before[-1] if before else None
    return values


def night_of(day: date) -> date:
    while day.weekday() > 4:
        day += timedelta(days=1)
    return day


def made_facts() -> dict[str, list[dict[str, Any]]]:
    """Facts of twelve people over four months, with late rows, revisions and busts."""
    dice = random.Random(7)
    facts: dict[str, list[dict[str, Any]]] = {}

    def add(table: str, day: date, late: int = 0, **values: Any) -> None:
        night = night_of(day + timedelta(days=late))
        row = {"_delivered_on": night, "_business_date": night, **values}
        facts.setdefault(table, []).append(row)

    for n in range(PEOPLE):
        no = f"c{n}"
        opened = FIRST + timedelta(days=7 * n)
        born = date(1950 + 4 * n, 4, 28 + n % 3)
        add("customer_changes", opened, customer_no=no, effective_date=opened, change_sequence=n, birth_date=born,
            risk_assessed_on=date(2022, 4, 20 + n % 10), other_broker_accounts=n % 4, risk_level=f"C{n % 6}",
            investor_class="professional" if n % 3 else "ordinary", branch_id=f"b{n % 2}")  # fmt: skip
        add("account_changes", opened, account_id=f"a{n}", customer_no=no, account_kind="cash", opened_on=opened,
            status="open", effective_date=opened, change_sequence=n)  # fmt: skip
        if n == 3:
            add("account_changes", AS_OF - timedelta(days=9), account_id="a3", customer_no=no, account_kind="cash",
                opened_on=opened, status="closed", closed_on=AS_OF - timedelta(days=9),
                effective_date=AS_OF - timedelta(days=9), change_sequence=99)  # fmt: skip
        _add_days(add, dice, n, no, opened)
    return facts


def _add_days(add: Any, dice: random.Random, n: int, no: str, opened: date) -> None:
    account = {"account_id": f"a{n}", "customer_no": no}
    level = ABOVE_A_BOUND.get(n, 900 * 4**n / 4**3)
    for offset in range((AS_OF - opened).days + 1):
        day = opened + timedelta(days=offset)
        if day.weekday() > 4 and dice.random() < 0.7:
            continue
        key = f"{n}-{offset}"
        level = round(level * dice.uniform(0.93, 1.06), 2)
        if day.weekday() < 5 and n != 5:
            add("balances", day, balance_date=day, currency="CNY", net_assets_amount=level, cash=round(level / 3, 2),
                profit_amount=round(level / 50 - 20, 2), **account)  # fmt: skip
            add("positions", day, product_id="x", position_date=day, market_value=round(level / 2, 2),
                product_line=("stock", "fund_bond", "fund_money", None)[n % 4], **account)  # fmt: skip
        if n != 4 and dice.random() < 0.25:
            _add_trade(add, dice, key, day, account)
        if dice.random() < 0.1:
            sign = dice.choice([-1, 1])
            add("cash_flows", day, flow_id=key, kind="bank_in" if sign > 0 else "bank_out", flow_date=day,
                amount=sign * dice.randint(1, 90000), late=dice.choice([0, 0, 3]), **account)  # fmt: skip
        if dice.random() < 0.03:
            add("security_movements", day, movement_id=key, kind="custody_out", occurred_on=day,
                value=-dice.randint(1, 9000), **account)  # fmt: skip
        if dice.random() < 0.2:
            add("logins", day, terminal="own_app", device_id=f"d{n}", login_date=day,
                logged_in_at=datetime(day.year, day.month, day.day, 3, tzinfo=UTC), **account)  # fmt: skip
            add("orders", day, order_id=key, order_date=day, entry_channel="app",
                status=dice.choice(["partially_filled", "cancelled"]), **account)  # fmt: skip
            for number in range(dice.randint(1, 4)):
                add("events", day, event_id=f"{key}-{number}", device_id=f"d{n}", event_date=day,
                    customer_no=dice.choice([no, None]), page_kind=dice.choice(["product", "closing", "order"]),
                    event=dice.choice(["product_view", "page_view"]), product_id=dice.choice(["x", "y", None]),
                    platform="android", duration_ms=dice.randint(1, 999),
                    occurred_at=datetime(day.year, day.month, day.day, dice.randint(0, 15), 30,
                                         tzinfo=UTC))  # fmt: skip
        if dice.random() < 0.05:
            add("contacts", day, contact_id=key, customer_no=no, contact_date=day,
                kind=dice.choice(["call", "complaint"]), topic=dice.choice(["close_account", "other"]))  # fmt: skip


def _add_trade(add: Any, dice: random.Random, key: str, day: date, account: dict[str, Any]) -> None:
    trade = {
        "execution_id": key, "trade_date": day, "amount": dice.randint(100, 90000),
        "product_line": dice.choice(["stock", "fund_money", "fund_bond", None]),
        "business_kind": dice.choice(["buy", "redeem"]),
        "is_customer_initiated": dice.random() < 0.9, **account,
    }  # fmt: skip
    add("executions", day, commission=5, net_revenue_amount="4.5", **trade)
    if dice.random() < 0.15:
        revised = {**trade, "revision": 1, "is_busted": dice.random() < 0.5}
        add("executions", day, late=dice.choice([1, 4]), commission=7, net_revenue_amount="6.33", **revised)


def identities(spark) -> DataFrame:
    kinds = {"customer": "c", "device": "d"}
    values = [
        {"identifier_kind": kind, "identifier": f"{letter}{n}", "one_id": f"p_{n}", "valid_from": FIRST,
         "_delivered_on": FIRST}
        for kind, letter in kinds.items()
        for n in range(PEOPLE)
    ]  # fmt: skip
    return rows(spark, "silver.identity_map", values)


@pytest.fixture(scope="module")
def silver(spark) -> dict[str, DataFrame]:
    facts = made_facts()
    names = ("customer_changes", "account_changes", "executions", "cash_flows", "security_movements", "positions",
             "balances", "orders", "logins", "contacts", "events", "visits", "ad_clicks", "quotes",
             "adviser_book_changes", "adviser_changes", "branch_changes")  # fmt: skip
    frames = {name: rows(spark, f"silver.{name}", facts.get(name, [])) for name in names}
    days = [value for value in calendar() if value["is_trading_day"] and value["natural_date"] <= AS_OF]
    frames["quotes"] = rows(spark, "silver.quotes", [
        {"product_id": "000300.IDX", "quote_date": v["natural_date"], "close": 3000 + 7 * at % 50,
         "_delivered_on": v["natural_date"], "_business_date": v["natural_date"]} for at, v in enumerate(days)
    ])  # fmt: skip
    frames["calendar"] = rows(spark, "silver.calendar", calendar())
    frames["identity_map"] = identities(spark)
    return {name: frame.where(_known(frame)).localCheckpoint() for name, frame in frames.items()}


def _known(frame: DataFrame) -> Any:
    return F.col("_delivered_on") <= F.lit(AS_OF) if "_delivered_on" in frame.columns else F.lit(True)


def as_of(frame: DataFrame) -> DataFrame:
    return frame.withColumn("as_of_date", F.lit(AS_OF))


def latest(frame: DataFrame, *key: str) -> DataFrame:
    last = F.max_by(F.struct(*frame.columns), F.struct("effective_date", "change_sequence"))
    return as_of(frame.groupBy(*key).agg(last.alias("_row")).select("_row.*"))


def parameters_of(module: Any, table: str) -> Any:
    return module.Params(**parameters(table))


@pytest.fixture(scope="module")
def gold(spark, silver) -> dict[str, DataFrame]:
    """The tables of the date, made by the jobs from silver as the runner would hand it over."""
    empty = {name: frame.where("false") for name, frame in silver.items()}
    wanted = {i.name: str(i.table) for i in load_catalogue(PROJECT / "data_catalog.yaml")["silver.party_days"].inputs}
    given = {
        name: (empty if name.startswith("earlier_") else silver)[table.partition(".")[2]]
        for name, table in wanted.items()
    }
    told = fit(party_days.build(**given, params=parameters_of(party_days, "silver.party_days")), "silver.party_days")
    told = told.localCheckpoint()
    reached = customer_milestones.build(
        party_days=told, earlier_party_days=told.where("false"), customers=silver["customer_changes"],
        accounts=silver["account_changes"], earlier_accounts=empty["account_changes"],
        earlier=rows(spark, "silver.customer_milestones"), calendar=silver["calendar"],
        params=parameters_of(customer_milestones, "silver.customer_milestones"),
    )  # fmt: skip
    reached = reached.groupBy("party_kind", "party_id").agg(
        F.max_by(F.struct(*reached.columns), "_delivered_on").alias("_row")
    )
    people = {
        "customers": latest(silver["customer_changes"], "customer_no"),
        "identity_map": as_of(silver["identity_map"]),
    }
    accounts = latest(silver["account_changes"], "account_id")
    windows = customer_windows.build(
        party_days=as_of(told), identity_map=people["identity_map"], accounts=accounts, calendar=silver["calendar"],
        params=parameters_of(customer_windows, "silver.customer_windows"),
    )  # fmt: skip
    windows = fit(windows, "silver.customer_windows").localCheckpoint()
    lived = {"windows": windows, "milestones": as_of(reached.select("_row.*")).localCheckpoint(), **people}
    made = {
        "gold.rfm": rfm.build(windows=windows, **people, params=parameters_of(rfm, "gold.rfm")),
        "gold.clv_features": clv_features.build(**lived, calendar=silver["calendar"], params=clv_features.Params()),
        "gold.churn_features": churn_features.build(
            **lived, quotes=as_of(silver["quotes"]), params=parameters_of(churn_features, "gold.churn_features")
        ),
        "gold.tag_values": tag_values.build(
            **lived, events=as_of(silver["events"]).where(F.datediff("as_of_date", "event_date") < 30),
            definitions=tag_records(), params=parameters_of(tag_values, "gold.tag_values"),
        ),
    }  # fmt: skip
    tag_rows = fit(made["gold.tag_values"], "gold.tag_values")
    made["gold.tag_wide"] = tag_wide.build(tags=tag_rows, definitions=tag_records(), params=tag_wide.Params())
    made["gold.customer_360"] = customer_360.build(
        **lived, accounts=accounts, tags=tag_rows,
        **{arg: as_of(empty[name]) for arg, name in (("adviser_book", "adviser_book_changes"),
                                                     ("advisers", "adviser_changes"), ("branches", "branch_changes"))},
        params=parameters_of(customer_360, "gold.customer_360"),
    )  # fmt: skip
    return {table: fit(frame, table) for table, frame in made.items()}


@pytest.mark.slow
def test_gold__against_independent_queries__every_row_and_column_agrees(spark, silver, gold):
    lake = duckdb.connect()
    for name, frame in silver.items():
        lake.register(f"silver_{name}", frame.toArrow())
    columns_360 = [column.name for column in contract_of(PROJECT, "gold.customer_360").columns]
    independent = {
        "gold.rfm": queries.rfm(AS_OF),
        "gold.clv_features": queries.clv_features(AS_OF),
        "gold.churn_features": queries.churn_features(AS_OF),
        "gold.tag_values": tags.tag_values(AS_OF),
        "gold.tag_wide": tags.tag_wide(AS_OF),
        "gold.customer_360": queries.customer_360(AS_OF, columns_360),
    }
    found: dict[str, list[str]] = {}
    for table, query in independent.items():
        made = gold[table].toArrow()
        lake.register("made", made)
        left_out = {"gold.tag_values": {"evidence"}, "gold.customer_360": {"tags"}}.get(table, set())
        key = [*contract_of(PROJECT, table).key]
        columns = [name for name in made.column_names if name not in (*key, *left_out)]
        found[table] = compare(lake, "SELECT * FROM made", query, key, columns)
    assert found == {table: [] for table in independent}
    tiers = made.select(["tier", "tier_by_average", "is_tier_watched", "history_month_ends"]).to_pylist()
    assert {row["is_tier_watched"] for row in tiers} == {True, False}
    assert {row["history_month_ends"] for row in tiers} >= {2, 3, 4}
    assert DATES == {"as_of_date": "date"} and made.num_rows == PEOPLE
