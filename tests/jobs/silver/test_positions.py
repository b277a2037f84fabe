from datetime import date
from decimal import Decimal

from jobs.silver.positions import Params, build
from tests.jobs.silver.nights import at_once, of_nights, one_by_one, verdicts
from tests.rows import rows

MON, TUE, WED, THU = "2024-03-04", "2024-03-05", "2024-03-06", "2024-03-07"
EXECUTION = {"account_id": "a1", "product_id": "p1", "revision": 0, "business_kind": "buy", "commission_basis": "net"}


def held(product, night, quantity, **more):
    given = {
        "account_id": "a1",
        "product_id": product,
        "position_date": night,
        "quantity": str(quantity),
        "sellable_quantity": "0",
        "cost_amount": "0",
        "price": "10",
        "currency": "CNY",
        "market_value": str(quantity * 10),
        "_file": "positions.parquet",
        "_business_date": night,
        "_delivered_on": night,
    }
    return given | more


def on(night, **more):
    return {"_business_date": night, "_delivered_on": night, **more}


class World:
    """Inputs of all nights, cut per run as the runner cuts them."""

    def __init__(self, spark, positions, executions=(), movements=()):
        self.spark = spark
        self.positions = rows(spark, "bronze.trading_positions", positions)
        self.executions = rows(spark, "silver.executions", [EXECUTION | row for row in executions])
        self.movements = rows(spark, "silver.security_movements", movements)

    def build(self, run, earlier=None, previous=None):
        spark, first = self.spark, run[0]
        accounts = [{"account_id": "a1", "customer_no": "c1", "_delivered_on": "2024-03-01"}]
        lines = [{"product_id": "p1", "product_line": "stock", "_delivered_on": "2024-03-01"}]
        nothing = rows(spark, "silver.positions")
        return build(
            positions=of_nights(self.positions, run),
            earlier=nothing if earlier is None else earlier,
            accounts=rows(spark, "silver.account_changes", accounts),
            products=rows(spark, "silver.product_changes", lines),
            previous=nothing if previous is None else previous,
            executions=of_nights(self.executions, run),
            earlier_executions=self.executions.where(self.executions["_delivered_on"] < date.fromisoformat(first)),
            security_movements=of_nights(self.movements, run),
            earlier_security_movements=self.movements.where(
                self.movements["_delivered_on"] < date.fromisoformat(first)
            ),
            params=Params(),
        )

    def both_ways(self, nights):
        """What the nights write one by one; asserts that one pass writes the same."""
        days = one_by_one(self.spark, "silver.positions", nights, self.build)
        assert days == at_once(self.spark, "silver.positions", nights, self.build)
        return days


def breaks(days):
    return {
        (str(row["_delivered_on"]), row["product_id"], row["_sequence"]): row["quantity_break"]
        if row["quantity_break"] is None
        else float(row["quantity_break"])
        for row in days
    }


def test_build__quantities_explained_by_trades_and_movements__no_break(spark):
    world = World(
        spark,
        [
            held("p1", MON, 100),
            held("p1", TUE, 150),
            held("p1", WED, 0),
            held("p1", THU, 70),
            held("p2", TUE, 30),
            held("p2", WED, 30),
            held("p2", THU, 30),
        ],
        [
            on(TUE, execution_id="e1", quantity=50),
            on(WED, execution_id="e2", business_kind="sell", quantity=150),
            on(THU, execution_id="e3", business_kind="finance_buy", quantity=70),
        ],
        [on(TUE, movement_id="m1", account_id="a1", product_id="p2", quantity=30)],
    )
    days = world.both_ways([MON, TUE, WED, THU])
    assert breaks(days) == {
        (MON, "p1", 1): None,
        (TUE, "p1", 1): 0,
        (TUE, "p2", 1): 0,
        (WED, "p1", 1): 0,
        (WED, "p2", 1): 0,
        (THU, "p1", 1): 0,
        (THU, "p2", 1): 0,
    }
    first = days[0]
    assert (first["customer_no"], first["product_line"], first["market_value"]) == ("c1", "stock", Decimal(1000))


def test_build__unexplained_quantities__break_by_the_difference(spark):
    world = World(
        spark,
        [
            held("p1", MON, 100),
            held("p1", TUE, 101),
            held("p2", TUE, 5),
            held("p1", THU, 101),
            held("p2", WED, 5),
            held("p2", THU, 0),
        ],
        [on(THU, execution_id="e1", product_id="p2", business_kind="sell", quantity=4)],
    )
    days = world.both_ways([MON, TUE, WED, THU])
    # p1 is missing on Wednesday, so Thursday's 101 came from nowhere.
    assert breaks(days) == {
        (MON, "p1", 1): None,
        (TUE, "p1", 1): 1,
        (TUE, "p2", 1): 5,
        (WED, "p2", 1): 0,
        (THU, "p1", 1): 101,
        (THU, "p2", 1): -1,
    }


def test_build__busted_withdrawn_and_late_facts__count_on_their_delivery(spark):
    world = World(
        spark,
        [
            held("p1", MON, 0),
            held("p1", TUE, 50),
            held("p1", WED, 27),
            held("p2", MON, 10),
            held("p2", TUE, 30),
            held("p2", WED, 10),
        ],
        [
            on(TUE, execution_id="e1", quantity=50),
            {"execution_id": "e1", "revision": 1, "is_busted": True, "quantity": 50, "_delivered_on": WED},
            {"execution_id": "e2", "quantity": 7, "_business_date": TUE, "_delivered_on": WED},
            {"execution_id": "e3", "revision": 1, "quantity": 20, "_business_date": WED, "_delivered_on": WED},
            {"execution_id": "e3", "revision": 0, "quantity": 99, "_business_date": TUE, "_delivered_on": WED},
        ],
        [
            on(TUE, movement_id="m1", account_id="a1", product_id="p2", quantity=20),
            {
                "movement_id": "m1",
                "account_id": "a1",
                "product_id": "p2",
                "quantity": 20,
                "_business_date": TUE,
                "_sequence": 2,
                "_withdrawn": True,
                "_delivered_on": WED,
            },
        ],
    )
    found = breaks(world.both_ways([MON, TUE, WED]))
    assert [found[TUE, "p1", 1], found[TUE, "p2", 1], found[WED, "p1", 1], found[WED, "p2", 1]] == [0, 0, 0, 0]


def test_build__yesterday_corrected_today__today_compared_with_the_correction(spark):
    world = World(
        spark,
        [
            held("p1", MON, 100),
            held("p1", TUE, 100),
            held("p1", TUE, 120, _sequence=2, _delivered_on=WED),
            held("p1", WED, 120),
        ],
    )
    assert breaks(world.both_ways([MON, TUE, WED])) == {
        (MON, "p1", 1): None,
        (TUE, "p1", 1): 0,
        (WED, "p1", 2): None,
        (WED, "p1", 1): 0,
    }


def test_build__bad_and_repeated_rows__judged(spark):
    bad = {
        "account_id_missing": {"account_id": ""},
        "position_date_not_a_date": {"position_date": "today"},
        "quantity_not_a_number": {"quantity": "1e3"},
        "market_value_missing": {"market_value": None},
        "quantity_negative": {"quantity": "-1"},
        "unknown_account": {"account_id": "a9"},
    }
    wrong = [held(f"p{at}", MON, 1) | change for at, change in enumerate(bad.values())]
    found = World(spark, wrong).build([MON]).collect()
    assert [row["_rule"] for row in sorted(found, key=lambda row: row["_line"])] == list(bad)
    twice = [held("p1", MON, 1, _row_hash=1), held("p1", MON, 1, _row_hash=1), held("p1", MON, 2, _row_hash=2)]
    assert verdicts(World(spark, twice).build([MON]), "product_id") == {
        ("p1", 2): ("kept", None),
        ("p1", 3): ("duplicate", "same_key_and_content"),
        ("p1", 4): ("rejected", "same_version_other_content"),
    }


def test_build__no_input__no_rows(spark):
    assert World(spark, []).build([MON]).count() == 0
