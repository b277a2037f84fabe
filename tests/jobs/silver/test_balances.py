from datetime import date
from decimal import Decimal

import pytest

from jobs.silver.balances import Params, build
from tests.jobs.silver.nights import at_once, of_nights, one_by_one, verdicts
from tests.rows import rows

MON, TUE, WED, THU = "2024-03-04", "2024-03-05", "2024-03-06", "2024-03-07"
EXECUTION = {"account_id": "a1", "product_id": "p1", "currency": "CNY", "revision": 0, "commission_basis": "net"}


def on(night, **more):
    return {"_business_date": night, "_delivered_on": night, **more}


def balance(night, cash, account="a1", **more):
    given = {
        "account_id": account,
        "currency": "CNY",
        "balance_date": night,
        "cash": str(cash),
        "withdrawable": "0",
        "in_transit": "0",
        "receivable": "0",
        "_file": "balances.parquet",
    }
    return on(night) | given | more


def held(night, quantity, price, product="p1", **more):
    value = round(Decimal(str(quantity)) * Decimal(str(price)), 2)
    given = {
        "account_id": "a1",
        "product_id": product,
        "currency": "CNY",
        "position_date": night,
        "quantity": quantity,
        "price": price,
        "market_value": value,
    }
    return on(night) | given | more


def flow(night, kind, amount, **more):
    given = {"flow_id": f"f-{night}-{kind}", "account_id": "a1", "currency": "CNY", "kind": kind, "amount": amount}
    return on(night) | given | more


class World:
    """Inputs of all nights, cut per run as the runner cuts them."""

    def __init__(self, spark, balances, positions=(), executions=(), flows=(), movements=()):
        self.spark = spark
        self.balances = rows(spark, "bronze.trading_balances", balances)
        self.facts = {
            "positions": rows(spark, "silver.positions", positions),
            "executions": rows(spark, "silver.executions", [EXECUTION | row for row in executions]),
            "cash_flows": rows(spark, "silver.cash_flows", flows),
            "security_movements": rows(spark, "silver.security_movements", movements),
        }

    def build(self, run, earlier=None, previous=None):
        accounts = [{"account_id": name, "customer_no": "c1", "_delivered_on": "2024-03-01"} for name in ("a1", "a2")]
        nothing = rows(self.spark, "silver.balances")
        facts = {name: of_nights(frame, run) for name, frame in self.facts.items()}
        first = date.fromisoformat(run[0])
        before = {f"earlier_{name}": frame.where(frame["_delivered_on"] < first) for name, frame in self.facts.items()}
        nights = [night for night in (MON, TUE, WED, THU) if night < run[0]]
        return build(
            balances=of_nights(self.balances, run),
            earlier=nothing if earlier is None else earlier,
            accounts=rows(self.spark, "silver.account_changes", accounts),
            previous=nothing if previous is None else previous,
            previous_positions=of_nights(self.facts["positions"], nights[-1:]),
            **facts,
            **before,
            params=Params(base_currency="CNY"),
        )

    def both_ways(self, nights):
        """What the nights write one by one, by night and sequence; asserts that one pass writes the same."""
        days = one_by_one(self.spark, "silver.balances", nights, self.build)
        assert days == at_once(self.spark, "silver.balances", nights, self.build)
        return {(str(row["_delivered_on"]), row["account_id"], row["_sequence"]): row for row in days}


def breaks(days):
    found = {key: row["net_assets_break_amount"] for key, row in days.items()}
    return {key: value if value is None else float(value) for key, value in found.items()}


def four_days_of_books(spark):
    """Bank in, a purchase with fees, a dividend, a transfer of securities, accrued interest, a fund in transit."""
    return World(
        spark,
        [
            balance(MON, "10000"),
            balance(TUE, "8994.93"),
            balance(WED, "9020.93", interest_and_fees_owed="1.50"),
            balance(THU, "8520.93", interest_and_fees_owed="1.50", in_transit="500"),
            balance(THU, "300", account="a2"),
        ],
        [
            held(TUE, 100, 15.1),
            held(WED, 100, "14.8"),
            held(WED, "10.55", "1.2345", product="p2"),
            held(THU, 0, "14.8"),
            held(THU, "10.55", "1.2346", product="p2"),
        ],
        [
            on(
                TUE,
                execution_id="e1",
                business_kind="buy",
                quantity=100,
                amount=1500,
                commission=5,
                transfer_fee="0.07",
            ),
            on(
                THU, execution_id="e2", business_kind="sell", quantity=100, amount=1490, commission=5, stamp_duty="0.75"
            ),
        ],
        [
            flow(TUE, "bank_in", 500),
            flow(WED, "dividend", "30"),
            flow(WED, "dividend_tax", "-4"),
            flow(THU, "bank_out", "-1484.25"),
            flow(THU, "bank_in", 300, account_id="a2"),
        ],
        [on(WED, movement_id="m1", account_id="a1", product_id="p2", quantity="10.55", value="13.00")],
    )


@pytest.mark.smoke
def test_build__four_days_of_books__profit_to_the_cent_and_no_break(spark):
    days = four_days_of_books(spark).both_ways([MON, TUE, WED, THU])
    assert breaks(days) == {
        (MON, "a1", 1): None,
        (TUE, "a1", 1): 0,
        (WED, "a1", 1): 0,
        (THU, "a1", 1): 0,
        (THU, "a2", 1): 0,
    }
    profits = {key[:2]: row["profit_amount"] for key, row in days.items()}
    # Tue: 1510 - 1500 - 5.07. Wed: -30 + 30 - 4 + (13.02 - 13.00) - 1.50. Thu: 1490 - 1480 - 5.75 + (13.03 - 13.02)
    assert profits == {
        (MON, "a1"): None,
        (TUE, "a1"): Decimal("4.93"),
        (WED, "a1"): Decimal("-5.48"),
        (THU, "a1"): Decimal("4.26"),
        (THU, "a2"): Decimal("0"),
    }
    wednesday = days[WED, "a1", 1]
    assert wednesday["market_value"] == Decimal("1493.02")
    assert wednesday["net_assets_amount"] == Decimal("10512.45")
    assert wednesday["net_securities_in_amount"] == 13 and days[TUE, "a1", 1]["net_cash_in_amount"] == 500


def test_build__books_that_do_not_balance__break_by_the_difference(spark):
    """Cash lost; a quantity from nowhere; a wrong market value; a holding that vanishes."""
    world = World(
        spark,
        [balance(night, cash) for night, cash in ((MON, 100), (TUE, "99.99"), (WED, "99.99"), (THU, "99.99"))]
        + [balance(MON, 5, account="a2"), balance(TUE, 5, account="a2"), balance(WED, 5, account="a2")],
        [
            held(MON, 10, 2),
            held(TUE, 10, 2),
            held(WED, 11, 2),
            held(MON, 10, 3, account_id="a2"),
            held(TUE, 10, 3, account_id="a2", market_value="30.10"),
        ],
    )
    found = breaks(world.both_ways([MON, TUE, WED, THU]))
    assert found == {
        (MON, "a1", 1): None,
        (TUE, "a1", 1): -0.01,
        (WED, "a1", 1): 2,
        (THU, "a1", 1): -22,
        (MON, "a2", 1): None,
        (TUE, "a2", 1): 0.1,
        (WED, "a2", 1): -30,
    }


def test_build__financed_purchase_and_redemption__no_break(spark):
    world = World(
        spark,
        [
            balance(MON, 100),
            balance(TUE, 100, financing_principal="1005", short_market_value="0"),
            balance(WED, 100, financing_principal="1005", receivable="490"),
        ],
        [held(MON, 100, 5, product="p2"), held(TUE, 100, 10), held(TUE, 100, 5, product="p2")]
        + [held(WED, 100, 10), held(WED, 0, 5, product="p2")],
        [
            on(TUE, execution_id="e1", business_kind="finance_buy", quantity=100, amount=1000, commission=5),
            on(
                WED,
                execution_id="e2",
                product_id="p2",
                business_kind="redeem",
                quantity=100,
                amount=500,
                commission=10,
                exchange_fee=3,
                commission_basis="gross",
            ),
        ],
    )
    days = world.both_ways([MON, TUE, WED])
    assert [days[night, "a1", 1]["profit_amount"] for night in (TUE, WED)] == [-5, -10]
    assert [days[night, "a1", 1]["net_assets_break_amount"] for night in (TUE, WED)] == [0, 0]


def test_build__corrected_and_late_facts__count_on_their_delivery(spark):
    """On Wednesday Tuesday's purchase is busted, a late flow arrives, and Tuesday's balance is corrected."""
    late = {"_business_date": TUE, "_delivered_on": WED}
    bought = {"execution_id": "e1", "business_kind": "buy", "quantity": 10, "amount": 50}
    world = World(
        spark,
        [
            balance(MON, 100),
            balance(TUE, 40),
            balance(TUE, 50, _sequence=2, _delivered_on=WED),
            balance(WED, 107),
        ],
        [held(TUE, 10, 5), held(WED, 0, 5)],
        [on(TUE, **bought), {**bought, **late, "revision": 1, "is_busted": True}],
        [flow(TUE, "interest", 7, **late)],
    )
    days = world.both_ways([MON, TUE, WED])
    assert breaks(days) == {(MON, "a1", 1): None, (TUE, "a1", 1): -10, (WED, "a1", 2): None, (WED, "a1", 1): 0}
    correction = days[WED, "a1", 2]
    assert (correction["market_value"], correction["net_assets_amount"]) == (50, 100)
    assert correction["profit_amount"] is None and correction["net_cash_in_amount"] is None


def test_build__bad_and_repeated_rows__judged(spark):
    bad = {
        "account_id_missing": {"account_id": ""},
        "balance_date_not_a_date": {"balance_date": "today"},
        "cash_not_a_number": {"cash": "1e3"},
        "withdrawable_missing": {"withdrawable": None},
        "financing_principal_not_a_number": {"financing_principal": "x"},
        "unknown_account": {"account_id": "a9"},
    }
    wrong = [balance(MON, 1) | change for change in bad.values()]
    found = World(spark, wrong).build([MON]).collect()
    assert [row["_rule"] for row in sorted(found, key=lambda row: row["_line"])] == list(bad)
    twice = [balance(MON, 1, _row_hash=1), balance(MON, 1, _row_hash=1), balance(MON, 2, _row_hash=2)]
    assert verdicts(World(spark, twice).build([MON]), "account_id") == {
        ("a1", 2): ("kept", None),
        ("a1", 3): ("duplicate", "same_key_and_content"),
        ("a1", 4): ("rejected", "same_version_other_content"),
    }


def test_build__no_input__no_rows(spark):
    assert World(spark, []).build([MON]).count() == 0
