from datetime import UTC, date, datetime
from decimal import Decimal

from jobs.silver.orders import Params, build
from tests.jobs.silver.nights import at_once, of_nights, one_by_one, verdicts
from tests.rows import rows

PARAMS = Params(time_zone="Asia/Shanghai")
GOOD = {
    "order_id": "o1",
    "account_id": "a1",
    "product_id": "600000.SH",
    "business_kind": "buy",
    "quantity": "100",
    "limit_price": "10.5",
    "entry_channel": "app",
    "ordered_at": "2024-03-04 09:31:00",
    "status": "filled",
    "_file": "trading_orders/1.csv",
}


def delivered(spark, *changes):
    return rows(spark, "bronze.trading_orders", [{**GOOD, **change} for change in changes])


def build_orders(spark, orders, earlier=None):
    accounts = [{"account_id": "a1", "customer_no": "c1", "_delivered_on": "2024-03-01"}]
    return build(
        orders=orders,
        earlier=rows(spark, "silver.orders") if earlier is None else earlier,
        accounts=rows(spark, "silver.account_changes", accounts),
        params=PARAMS,
    )


def test_build__good_order__typed_and_tied_to_its_customer(spark):
    (row,) = build_orders(spark, delivered(spark, {"journey_id": "", "document_id": "d1"})).collect()
    assert (row["_verdict"], row["customer_no"], row["journey_id"], row["document_id"]) == ("kept", "c1", None, "d1")
    assert row["quantity"] == 100 and row["limit_price"] == Decimal("10.5")
    assert row["ordered_at"].astimezone(UTC) == datetime(2024, 3, 4, 1, 31, tzinfo=UTC)


def test_build__order_just_after_local_midnight__local_date(spark):
    changes = [{"ordered_at": "2024-03-04 00:00:00"}, {"order_id": "o2", "ordered_at": "2024-03-03 23:59:59"}]
    found = {row["order_id"]: row["order_date"] for row in build_orders(spark, delivered(spark, *changes)).collect()}
    assert found == {"o1": date(2024, 3, 4), "o2": date(2024, 3, 3)}


def test_build__bad_rows__rejected_by_the_first_broken_rule(spark):
    bad = {
        "order_id_missing": {"order_id": None},
        "account_id_missing": {"account_id": ""},
        "quantity_not_a_number": {"quantity": "many"},
        "quantity_negative": {"quantity": "-1"},
        "limit_price_not_a_number": {"limit_price": "market"},
        "ordered_at_not_a_time": {"ordered_at": "2024-03-04"},
        "ordered_at_missing": {"ordered_at": ""},
        "status_missing": {"status": None},
        "unknown_business_kind": {"business_kind": "gift"},
        "unknown_account": {"account_id": "a2"},
    }
    changes = [{"order_id": f"o{at}", **change} for at, change in enumerate(bad.values())]
    found = build_orders(spark, delivered(spark, *changes)).collect()
    assert [row["_rule"] for row in sorted(found, key=lambda row: row["_line"])] == list(bad)
    assert {row["_verdict"] for row in found} == {"rejected"}


def test_build__order_by_amount__kept_without_quantity(spark):
    (row,) = build_orders(spark, delivered(spark, {"quantity": "", "limit_price": None})).collect()
    assert (row["_verdict"], row["quantity"], row["limit_price"]) == ("kept", None, None)


def test_build__no_input__no_rows(spark):
    assert build_orders(spark, delivered(spark)).count() == 0


def test_build__duplicate_and_range__equals_day_by_day(spark):
    nights = ["2024-03-04", "2024-03-05"]
    late = {"_delivered_on": "2024-03-05", "_business_date": "2024-03-04"}
    orders = delivered(
        spark,
        {"_row_hash": 1},
        {"_row_hash": 1},
        {"_row_hash": 2, **late},
        {"_row_hash": 3, "_sequence": 2, "status": "cancelled", **late},
        {"_row_hash": 4, "order_id": "o2", "_delivered_on": "2024-03-05", "_business_date": "2024-03-05"},
    )

    def build_nights(run, earlier, previous):
        return build_orders(spark, of_nights(orders, run), earlier)

    days = one_by_one(spark, "silver.orders", nights, build_nights)
    assert days == at_once(spark, "silver.orders", nights, build_nights)
    assert [(row["order_id"], row["status"]) for row in days] == [
        ("o1", "filled"),
        ("o1", "cancelled"),
        ("o2", "filled"),
    ]
    assert verdicts(build_orders(spark, orders), "order_id")[("o1", 4)] == ("rejected", "same_version_other_content")
