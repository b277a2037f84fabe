from __future__ import annotations

from datetime import date

from jobs.methods.people import attach_one_id, gather_milestones, is_open_account, list_people
from tests.jobs.gold.people import DATES, ONE, TWO, customers, identity_map
from tests.rows import as_dicts, rows


def test_list_people__two_numbers_of_one_person__lowest_number_speaks_per_date(spark):
    crm = customers(spark, [{"customer_no": no, "as_of_date": day} for no in ("c2", "c1", "c3") for day in (ONE, TWO)])
    maps = identity_map(spark, {"c1": "p_1", "c2": "p_1", "c3": "p_3"}, [{"as_of_date": ONE}]).unionByName(
        identity_map(spark, {"c1": "p_1", "c2": "p_2", "c3": "p_3"}, [{"as_of_date": TWO}])
    )
    found = as_dicts(list_people(crm, maps), "as_of_date", "one_id", "customer_no")
    assert [(str(row["as_of_date"]), row["one_id"], row["customer_no"]) for row in found] == [
        (ONE, "p_1", "c1"),
        (ONE, "p_3", "c3"),
        (TWO, "p_1", "c1"),
        (TWO, "p_2", "c2"),
        (TWO, "p_3", "c3"),
    ]
    unknown = attach_one_id(crm, maps.where("false"), "customer", "customer_no")
    assert unknown.count() == 6 and unknown.where("one_id is not null").count() == 0


def test_is_open_account__on_the_closing_day__is_closed(spark):
    given = [("open", None), ("frozen", None), ("open", TWO), ("open", ONE), ("closed", None), ("closed", TWO)]
    values = [
        {"account_id": f"a{at}", "status": s, "closed_on": c, "as_of_date": ONE} for at, (s, c) in enumerate(given)
    ]
    frame = rows(spark, "silver.account_changes", values, extra=DATES)
    found = as_dicts(frame.select("account_id", is_open_account().alias("is_open")))
    assert [row["is_open"] for row in found] == [True, True, True, False, False, False]


def test_gather_milestones__numbers_and_a_device_of_a_person__earliest_latest_and_sums(spark):
    def reached(kind, party, **more):
        return {"party_kind": kind, "party_id": party, "as_of_date": ONE, **more}

    frame = rows(
        spark,
        "silver.customer_milestones",
        [
            reached("customer", "c1", first_trade_on="2024-01-03", last_trade_on="2024-01-09",
                    lifetime_trade_count=3, lifetime_net_revenue_amount="1.5"),
            reached("customer", "c2", first_trade_on="2024-01-02", last_trade_on="2024-01-05",
                    lifetime_trade_count=4, lifetime_net_revenue_amount="2"),
            reached("device", "d1", first_event_on="2023-12-01"),
            reached("device", "d2", first_event_on="2023-11-01"),
        ],
        extra=DATES,
    )  # fmt: skip
    maps = identity_map(spark, {"c1": "p_1", "c2": "p_1"}, [{"as_of_date": ONE}])
    maps = maps.unionByName(identity_map(spark, {"d1": "p_1"}, [{"as_of_date": ONE}], kind="device"))
    gathered = gather_milestones(frame, maps)
    assert dict(gathered.dtypes)["lifetime_net_revenue_amount"] == "decimal(18,4)"
    (row,) = as_dicts(gathered)
    assert (row["first_trade_on"], row["last_trade_on"]) == (date(2024, 1, 2), date(2024, 1, 9))
    assert (row["lifetime_trade_count"], str(row["lifetime_net_revenue_amount"])) == (7, "3.5000")
    assert row["first_event_on"] == date(2023, 12, 1)
