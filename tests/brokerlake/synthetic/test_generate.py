import json
from datetime import date

import pyarrow.parquet as pq
import pytest

from brokerlake.settings import read_yaml
from brokerlake.synthetic.behaviour_events import EVENTS
from brokerlake.synthetic.formats import FEEDS
from brokerlake.synthetic.generate import LOOK_AHEAD_DAYS, generate, next_date
from tests.brokerlake.synthetic.small_broker import START, WEEKDAYS, broker_of_a_month, contents, make, records


@pytest.fixture(scope="module")
def three_days(tmp_path_factory):
    return make(tmp_path_factory.mktemp("three"))


def test_generate__same_arguments__gives_the_same_bytes(three_days, tmp_path):
    again = contents(make(tmp_path))
    assert again["landing/web_events/2023-03-02/seq=1/events-20230302-00.jsonl.gz"]
    assert again == contents(three_days)


def test_generate__another_seed__gives_another_broker(three_days, tmp_path):
    other = make(tmp_path, 0, 0, seed=2)
    name = "landing/crm_customers/2023-03-01/seq=1/crm_customers.csv"
    assert (other / name).read_bytes() != (three_days / name).read_bytes()


@pytest.mark.parametrize("state_is_kept", [True, False])
def test_generate__day_by_day__equals_one_range(three_days, tmp_path, state_is_kept):
    make(tmp_path, 0, 1)
    if not state_is_kept:
        (tmp_path / "truth" / "state.json").unlink()
    told: list[str] = []
    make(tmp_path, 2, 2, progress=told.append)
    assert contents(tmp_path) == contents(three_days)
    assert told == ["2023-03-03 written (1 of 1)"]


def test_generate__state_of_other_arguments__is_not_used(three_days, tmp_path):
    make(tmp_path, 0, 1, executions_per_day=500)
    make(tmp_path, 2, 2)
    name = "landing/trading_balances/2023-03-03/seq=1/trading_balances.parquet"
    assert (tmp_path / name).read_bytes() == (three_days / name).read_bytes()


def test_generate__every_feed__comes_every_trading_day(three_days):
    landing = three_days / "landing"
    assert sorted(path.name for path in landing.iterdir()) == sorted(FEEDS)
    for feed in FEEDS:
        assert sorted(path.name for path in (landing / feed).iterdir()) == [str(day) for day in WEEKDAYS[:3]]


def test_generate__change_feeds__open_with_a_snapshot(three_days):
    for feed in (name for name, form in FEEDS.items() if form.delivery == "changes"):
        first, second = (
            json.loads((three_days / "landing" / feed / str(day) / "seq=1" / "manifest.json").read_text())["kind"]
            for day in WEEKDAYS[:2]
        )
        assert (first, second) == ("snapshot", "changes")
        assert {row["op"] for row in records(three_days / "landing", feed, START)} - {"I"} == {"S"}
        assert "S" not in {row["op"] for row in records(three_days / "landing", feed, WEEKDAYS[1])}


def test_generate__no_trading_day__is_refused(tmp_path):
    with pytest.raises(ValueError, match="first: 2023-03-04 is no trading day"):
        arguments = {"landing": tmp_path, "truth": tmp_path, "history_start": START, "calendar_dates": WEEKDAYS}
        generate(first=date(2023, 3, 4), last=WEEKDAYS[5], **arguments)


def test_generate__last_before_first__is_refused(tmp_path):
    with pytest.raises(ValueError, match="first: 2023-03-03 lies after the last day 2023-03-02"):
        make(tmp_path, 2, 1)


def test_generate__calendar_too_short__is_refused(tmp_path):
    with pytest.raises(ValueError, match="past 2023-03-03"):
        make_short = WEEKDAYS[: 2 + LOOK_AHEAD_DAYS]
        generate(
            landing=tmp_path,
            truth=tmp_path,
            first=START,
            last=WEEKDAYS[2],
            calendar_dates=make_short,
            history_start=START,
        )


def test_generate__many_events__come_in_hourly_files_in_order_of_arrival(tmp_path):
    make(tmp_path, 0, 0, 300, events_per_day=60_000, faults=False)
    folder = tmp_path / "landing" / "web_events" / START.isoformat() / "seq=1"
    manifest = json.loads((folder / "manifest.json").read_text())
    names = [entry["name"] for entry in manifest["files"]]
    assert len(names) >= 20 and "events-20230301-10.jsonl.gz" in names and names == sorted(names)
    assert 54_000 < manifest["rows"] < 66_000
    times = [row["received_at"] for row in records(tmp_path / "landing", "web_events")]
    assert times == sorted(times)


def test_next_date__after_the_newest_delivery__is_the_next_calendar_date(three_days, tmp_path):
    assert next_date(three_days / "landing", WEEKDAYS) == WEEKDAYS[3]
    assert next_date(tmp_path, WEEKDAYS) is None


def test_generate__volume__is_that_of_the_demonstration_to_scale():
    landing = broker_of_a_month() / "landing"
    events = len(records(landing, "web_events"))
    assert 20 * 1500 / 2000 * 1_800 < events < 20 * 1500 / 2000 * 3_300  # 1 m events in 400 days of 2,000 customers


def test_generate__events__follow_the_tracking_plan(project):
    plan, planted = read_yaml(project / "conf" / "tracking_plan.yaml")["events"], {"campaign_hint"}
    assert sorted(plan) == sorted(EVENTS)
    seen = set()
    for row in records(broker_of_a_month() / "landing", "web_events"):
        if row["event_id"].startswith("X"):
            continue
        rules = plan[row["event"]]["properties"]
        assert set(row["properties"]) <= set(rules) | planted
        assert {name for name, rule in rules.items() if rule.get("required")} <= set(row["properties"])
        for name, value in row["properties"].items():
            assert isinstance(value, int if rules[name]["type"] == "integer" else str)
            assert value in rules[name].get("enum", [value])
        seen.add(row["event"])
    assert len(seen) >= 20


def test_generate__facts__lie_within_the_natural_days_of_their_night():
    landing = broker_of_a_month() / "landing"
    for feed, column in (
        ("trading_logins", "logged_in_at"),
        ("crm_contacts", "started_at"),
        ("web_events", "received_at"),
    ):
        for before, day in zip(WEEKDAYS, WEEKDAYS[1:20], strict=False):
            late = 0
            for row in records(landing, feed, day, 1):
                text = row[column][:10]
                if text[:2] == "20" and text <= str(day):
                    late += text <= str(before)
                else:
                    assert text in ("0000-00-00", "n/a"), (feed, day, row)
            assert late <= 4


def test_generate__logins__name_accounts_that_were_delivered(three_days):
    landing = three_days / "landing"
    accounts = {row["account_id"] for row in records(landing, "trading_accounts")}
    assert {row["account_id"] for row in records(landing, "trading_logins")} <= accounts
    customers = {row["customer_no"] for row in records(landing, "crm_customers")}
    assert {row["customer_no"] for row in records(landing, "trading_accounts")} <= customers
    logged_in = {row["login_id"] for row in records(landing, "web_events")} - {None}
    assert logged_in <= customers


def test_generate__app_orders__have_their_three_steps(three_days):
    landing = three_days / "landing"
    wanted = {row["journey_id"] for row in records(landing, "trading_orders") if row["entry_channel"] == "app"}
    steps: dict[str, set] = {}
    for row in records(landing, "web_events"):
        if row["event"].startswith("order_step"):
            steps.setdefault(row["properties"]["journey_id"], set()).add(row["event"])
    assert wanted and wanted <= set(steps)
    assert all(len(steps[journey]) == 3 for journey in wanted)
    assert any(journey.startswith("JX") for journey in steps)


def test_generate__truth__names_everybody_and_every_identity(three_days):
    truth, landing = three_days / "truth", three_days / "landing"
    people = pq.read_table(truth / "people.parquet").to_pylist()
    assert {row["customer_no"] for row in people} == {row["customer_no"] for row in records(landing, "crm_customers")}
    assert {row["churn_kind"] for row in people} <= {"none", "explicit", "hidden"}
    assert any(
        row["acquisition_plan"] for row in pq.read_table(broker_of_a_month() / "truth" / "people.parquet").to_pylist()
    )
