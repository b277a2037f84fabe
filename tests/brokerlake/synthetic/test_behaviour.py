from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from brokerlake.synthetic.behaviour import VisitModel, seconds_of_day
from brokerlake.synthetic.behaviour_events import CODE, make_events, visit_events, with_abandoned_journeys
from brokerlake.synthetic.behaviour_logins import first_accounts
from brokerlake.synthetic.behaviour_rows import iso_times
from brokerlake.synthetic.day_dates import DayDates
from brokerlake.synthetic.draws import NEVER
from brokerlake.synthetic.marketing import PLANS, Marketing
from brokerlake.synthetic.population import CHURN_EXPLICIT, CHURN_HIDDEN, make_population
from tests.brokerlake.synthetic.small_broker import START, WEEKDAYS, broker_of_a_month, records

DATES = DayDates(WEEKDAYS)


@pytest.fixture(scope="module")
def population():
    return make_population(2000, 1, 40)


def test_presence__hidden_churner__fades_goes_and_comes_back(population):
    who = np.flatnonzero((population.churn_kind == CHURN_HIDDEN) & (population.return_day < 2**20))[:1]
    churn, back = int(population.churn_day[who][0]), int(population.return_day[who][0])
    model = VisitModel(population, 1, DATES)
    early, fading, gone, again = (model.presence(who, day)[0] for day in (churn - 40, churn - 5, churn + 3, back))
    assert early == again == 1.0 and 0 < fading < 0.5 and gone == 0.0


def test_presence__explicit_churner__stays_until_the_accounts_close(population):
    who = np.flatnonzero((population.churn_kind == CHURN_EXPLICIT) & (population.funded_day >= 0))[:1]
    churn = int(population.churn_day[who][0])
    model = VisitModel(population, 1, DATES)
    assert [model.presence(who, day)[0] for day in (churn - 1, churn + 1, churn + 9)] == [1.0, 0.7, 0.0]


def test_visits__rest_days__are_quieter_and_have_another_shape(population):
    model = VisitModel(population, 1, DATES)
    start = model.visits(3).start_ms  # 2023-03-06, a Monday: Saturday, Sunday and Monday
    by_date = np.unique(start // 86_400_000, return_counts=True)[1][-3:]
    assert by_date[2] > 2 * by_date[0] and by_date[2] > 2 * by_date[1]
    uniform = np.random.default_rng(1).random(20_000)
    morning = [np.mean((s >= 34_200) & (s < 41_400)) for s in (seconds_of_day(uniform, t) for t in (True, False))]
    assert morning[0] > 0.2 > 0.15 > morning[1]


def test_visits__march__has_a_third_more_than_february(population):
    february, march = (
        VisitModel(population, 1, DayDates([first] * 4)).rates(3)[1].sum() for first in (date(2024, 2, 5), START)
    )
    assert 1.3 < march / february < 1.45


def test_visits__offline_phones__happened_earlier_and_arrive_now(population):
    visits = VisitModel(population, 1, DATES).visits(15, factor=20.0)
    late = visits.delay_ms > 0
    assert 0.001 < late.mean() < 0.01
    assert set((visits.delay_ms[late] // 86_400_000).tolist()) == {1, 2, 3}


def test_visit_events__each_visit__begins_with_a_launch_without_login(population):
    visits = VisitModel(population, 1, DATES).visits(2)
    events = visit_events(1, 2, visits)
    launches = events.kind == CODE["app_launch"]
    assert launches.sum() == len(visits.length) and len(events) == visits.length.sum()
    assert not events.is_logged_in[launches].any()
    assert events.is_logged_in[events.kind == CODE["login"]].all()


def test_with_abandoned_journeys__open_steps_without_order__get_their_own():
    kinds = [CODE["order_step_open"], CODE["order_step_open"], CODE["search"]]
    events = make_events(kinds, [4, 8, 12], 1, True, np.arange(3), journey=[0, -1, -1])
    found, journeys = with_abandoned_journeys(events, 7, pa.array(["J1"]))
    assert found.journey.tolist() == [0, 1, -1] and journeys.to_pylist() == ["J1", "JX00007-0000000"]


def test_iso_times__milliseconds__keep_their_offset():
    moment = np.array(["2024-10-21T09:30:01.007"], dtype="datetime64[ms]").astype(np.int64)
    assert iso_times(moment).to_pylist() == ["2024-10-21T09:30:01.007+08:00"]


def test_first_accounts__customer_without_account__has_none():
    assert first_accounts(np.array([0, 0, 2]), 4).tolist() == [0, -1, 2, -1]


def test_acquisition__better_plans__win_more_customers_per_click(population):
    marketing = Marketing(population, 2000, 1, DATES)
    assert (marketing.acquisition[population.registered_day < 0] == -1).all()
    many = Marketing(make_population(40_000, 1, 400), 40_000, 1, DATES).acquisition
    won = np.bincount(many[many >= 0], minlength=len(PLANS))
    whole = [k for k, plan in enumerate(PLANS) if plan.is_online and plan.first_day < 0 and plan.last_day == NEVER]
    rates = {k: won[k] / PLANS[k].clicks / PLANS[k].quality for k in whole}
    usual = np.median(list(rates.values()))
    assert len(whole) >= 6 and all(0.8 < rate / usual < 1.25 for rate in rates.values())
    assert 5 < (won[0] / PLANS[0].clicks) / (won[6] / PLANS[6].clicks) < 9  # own brand against short video


def test_generate__devices__some_are_used_by_two_people():
    users: dict[str, set] = {}
    for row in records(broker_of_a_month() / "landing", "web_events"):
        if row["login_id"]:
            users.setdefault(row["distinct_id"], set()).add(row["login_id"])
    shared = sum(len(found) > 1 for found in users.values())
    assert 0.003 < shared / len(users) < 0.06
    own: dict[str, set] = {}
    for device, found in users.items():
        for customer in found:
            own.setdefault(customer, set()).add(device)
    assert 0.1 < np.mean([len(found) > 1 for found in own.values()]) < 0.6


def test_generate__prospects__click_launch_register_and_stop():
    landing = broker_of_a_month() / "landing"
    clicked = {row["device_id"] for row in records(landing, "channel_clicks")}
    steps: dict[str, set] = {}
    for row in records(landing, "web_events"):
        steps.setdefault(row["event"], set()).add(row["distinct_id"])
    launched, registered, began = (
        len(clicked & steps[name]) for name in ("app_launch", "register_phone", "open_account_start")
    )
    assert len(clicked) > launched > registered > began > 0
    assert clicked & steps["open_account_done"]


def test_generate__durations__are_times_spent_and_left_out_where_nothing_was_measured():
    spent: dict[str, list] = {}
    for row in records(broker_of_a_month() / "landing", "web_events"):
        if not row["event_id"].startswith("X"):  # a planted fault
            spent.setdefault(row["event"], []).append(row["properties"].get("duration_ms"))
    assert all(duration >= 0 for found in spent.values() for duration in found if duration is not None)
    untimed = {name for name, found in spent.items() if None in found}
    assert untimed >= {"app_launch", "login", "register_phone", "open_account_start", "open_account_submit"}
    assert not untimed & {"page_view", "product_view", "order_step_open", "closing_page_view", "transfer_in_page"}


def test_generate__terminals__are_all_there():
    rows = records(broker_of_a_month() / "landing", "trading_logins")
    assert {row["terminal"] for row in rows} == {"own_app", "pc", "third_party"}
    assert all((row["device_id"] == "") == (row["terminal"] == "third_party") for row in rows)


def test_generate__notes__hold_a_phone_number_now_and_then():
    rows = records(broker_of_a_month() / "landing", "crm_contacts")
    assert 0 < sum("请回拨12" in row["text"] for row in rows) < 0.15 * len(rows)
    assert any(row["customer_no"] is None for row in rows) and any(row["topic"] == "close_account" for row in rows)
