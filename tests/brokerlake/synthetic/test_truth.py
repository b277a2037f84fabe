"""The hidden truth agrees with what was delivered, and its shares are those of a broker one recognises."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq
import pytest

from brokerlake.synthetic.population import PERSONAS
from tests.brokerlake.synthetic.small_broker import START, WEEKDAYS, broker_of_a_month, records

OFFLINE_PLANS = {"P013", "P014", "P015"}


def truth(name: str) -> list[dict]:
    return pq.read_table(broker_of_a_month() / "truth" / f"{name}.parquet").to_pylist()


@pytest.mark.parametrize(
    ("persona", "low", "high"),
    [
        ("active_trader", 0.03, 0.07),
        ("regular_trader", 0.16, 0.24),
        ("fund_saver", 0.16, 0.24),
        ("occasional", 0.25, 0.35),
        ("dormant", 0.18, 0.26),
        ("wealthy", 0.015, 0.045),
    ],
)
def test_write_people__personas__have_their_shares(persona: str, low: float, high: float) -> None:
    counted = Counter(row["persona"] for row in truth("people"))
    assert set(counted) <= set(PERSONAS)
    assert low < counted[persona] / counted.total() < high


def test_write_people__devices__are_those_seen_logged_in_and_some_are_borrowed() -> None:
    rows = truth("devices")
    known = {(row["customer_no"], row["device_id"]) for row in rows}
    events = records(broker_of_a_month() / "landing", "web_events")
    assert {(row["login_id"], row["distinct_id"]) for row in events if row["login_id"]} <= known
    borrowers = {row["customer_no"] for row in rows if row["is_borrowed"]}
    assert 0.02 < len(borrowers) / len({row["customer_no"] for row in rows}) < 0.07


def test_write_people__accounts__are_those_delivered() -> None:
    known = {row["account_id"]: row["customer_no"] for row in truth("accounts")}
    delivered = records(broker_of_a_month() / "landing", "trading_accounts")
    assert delivered and all(known[row["account_id"]] == row["customer_no"] for row in delivered)


def test_write_people__acquisition__names_plans_that_ran_and_a_good_part_came_by_itself() -> None:
    new = [row for row in truth("people") if row["opened_on"] >= WEEKDAYS[12]]  # registered within the history
    won = [row["acquisition_plan"] for row in new if row["acquisition_plan"]]
    plans = {row["ad_plan_id"] for row in records(broker_of_a_month() / "landing", "channel_ad_plans", START)}
    assert set(won) <= plans
    assert 0.25 < 1 - len(won) / len(new) < 0.75


def test_write_people__acquired_online__clicked_an_ad_on_a_device_of_theirs() -> None:
    own: dict[str, set] = {}
    for row in truth("devices"):
        own.setdefault(row["customer_no"], set()).add(row["device_id"])
    clicks = {
        (row["device_id"], row["ad_plan_id"]) for row in records(broker_of_a_month() / "landing", "channel_clicks")
    }
    won = [row for row in truth("people") if row["acquisition_plan"] and row["acquisition_plan"] not in OFFLINE_PLANS]
    assert won
    for row in won:
        assert any((device, row["acquisition_plan"]) in clicks for device in own[row["customer_no"]])


def test_write_people__leaving__days_and_dates_agree() -> None:
    kinds = Counter()
    for row in truth("people"):
        kinds[row["churn_kind"]] += 1
        if row["churn_day"] < len(WEEKDAYS):
            assert row["churn_on"] == WEEKDAYS[row["churn_day"]]
        assert (row["churn_kind"] == "none") == (row["churn_day"] >= 2**20)
        assert row["return_day"] >= row["churn_day"]
    assert 0.08 < kinds["explicit"] / kinds.total() < 0.16 and 0.15 < kinds["hidden"] / kinds.total() < 0.30
