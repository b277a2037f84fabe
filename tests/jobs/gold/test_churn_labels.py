from __future__ import annotations

from jobs.gold.churn_labels import Params, build
from tests.jobs.gold.people import LABEL_DATES, customers, fit, identity_map, missing_required, parameters
from tests.rows import as_dicts, rows

ONE = {"as_of_date": "2024-03-04", "known_on": "2024-05-31"}
TWO = {"as_of_date": "2024-03-05", "known_on": "2024-06-03"}
PARAMS = Params(**parameters("gold.churn_labels"))
OWNERS = {f"c{number}": f"p_{number}" for number in range(1, 8)} | {"c1b": "p_1"}


def account(no, day, account_id=None, status="open", **more):
    return {"account_id": account_id or f"a{no}", "customer_no": f"c{no}", "status": status, **day, **more}


def closing(no, day, on, **more):
    return account(no, day, status="closed", closed_on=on, effective_date=on, change_sequence=9, **more)


def inputs(spark, days) -> dict:
    state, ahead, moves, levels = [], [], [], []
    for day in days:
        state += [account(number, day) for number in (1, 2, 3, 4, 5, 7)]
        state += [
            account(1, day, account_id="a1b", customer_no="c1b"),
            account(6, day, status="closed", closed_on="2024-03-04"),
            account(7, day, account_id="a7b", status="closed", closed_on="2023-01-01"),
        ]
        moves += [
            {"movement_id": "m3", "customer_no": "c3", "kind": "custody_out", "occurred_on": "2024-04-10", **day},
            {"movement_id": "m4", "customer_no": "c4", "kind": "custody_out", "occurred_on": "2024-04-10", **day},
            {"movement_id": "m5", "customer_no": "c5", "kind": "bonus", "occurred_on": "2024-04-10", **day},
        ]
        for no, on, left in [("3", "2024-04-09", 10), ("3", "2024-04-10", 1000), ("3", "2024-04-11", "999.99")]:
            levels.append({"customer_no": f"c{no}", "balance_date": on, "net_assets_amount": left, **day})
        for account_id in ("a4", "a4b"):
            levels.append({"customer_no": "c4", "account_id": account_id, "balance_date": "2024-04-10",
                           "net_assets_amount": 600, **day})  # fmt: skip
        levels.append({"customer_no": "c5", "balance_date": "2024-04-10", "net_assets_amount": 1, **day})
        # c1 closes both accounts, c2 one and opens another, c7 its only open one; c3 closes after moving out
        ahead += [
            closing(1, day, "2024-04-01"),
            closing(1, day, "2024-04-02", account_id="a1b", customer_no="c1b"),
            closing(2, day, "2024-04-01"),
            account(2, day, account_id="a2b", effective_date="2024-04-03"),
            account(3, day, status="frozen", effective_date="2024-04-12", change_sequence=3),
            closing(3, day, "2024-04-20"),
            closing(7, day, "2024-05-31"),
        ]
    return {
        "customers": customers(spark, [{"customer_no": no, **d} for no in OWNERS for d in days], LABEL_DATES),
        "accounts": rows(spark, "silver.account_changes", state, extra=LABEL_DATES),
        "accounts_ahead": rows(spark, "silver.account_changes", ahead, extra=LABEL_DATES),
        "movements_ahead": rows(spark, "silver.security_movements", moves, extra=LABEL_DATES),
        "balances_ahead": rows(spark, "silver.balances", levels, extra=LABEL_DATES),
        "identity_map": identity_map(spark, OWNERS, days),
        "params": PARAMS,
    }


def run(spark, days, **changes) -> dict[tuple[str, str], tuple]:
    frame = fit(build(**{**inputs(spark, days), **changes}), "gold.churn_labels")
    assert missing_required(frame, "gold.churn_labels") == []
    return {
        (row["one_id"], str(row["known_on"])): (
            row["is_churned"], str(row["churned_on"]), row["churn_kind"], row["open_account_count"],
        )
        for row in as_dicts(frame)
    }  # fmt: skip


STAYS = (False, "None", None, 1)


def test_build__kinds_of_leaving__label_with_day_and_kind(spark):
    assert run(spark, [ONE]) == {
        ("p_1", "2024-05-31"): (True, "2024-04-02", "accounts_closed", 2),
        ("p_2", "2024-05-31"): STAYS,  # closed one, opened another
        ("p_3", "2024-05-31"): (True, "2024-04-11", "custody_out", 1),  # 1,000 is not under 1,000
        ("p_4", "2024-05-31"): STAYS,  # 1,200 over both accounts
        ("p_5", "2024-05-31"): STAYS,  # next to nothing, but took nothing away
        ("p_7", "2024-05-31"): (True, "2024-05-31", "accounts_closed", 1),
    }


def test_build__range__equals_day_by_day(spark):
    assert run(spark, [ONE, TWO]) == run(spark, [ONE]) | run(spark, [TWO])


def test_build__no_movements_and_balances__closings_alone(spark):
    empty = {
        "movements_ahead": rows(spark, "silver.security_movements", extra=LABEL_DATES),
        "balances_ahead": rows(spark, "silver.balances", extra=LABEL_DATES),
    }
    found = run(spark, [ONE], **empty)
    assert found[("p_3", "2024-05-31")] == (True, "2024-04-20", "accounts_closed", 1)
    nobody = {"accounts": rows(spark, "silver.account_changes", extra=LABEL_DATES)}
    assert run(spark, [ONE], **nobody) == {}
