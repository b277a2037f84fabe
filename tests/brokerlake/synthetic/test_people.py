import re
from datetime import date

import numpy as np
import phonenumbers
import pytest

from brokerlake.synthetic import identities
from brokerlake.synthetic.change_log import ChangeLog, is_snapshot_day
from brokerlake.synthetic.day_dates import DayDates
from brokerlake.synthetic.draws import NEVER
from brokerlake.synthetic.people import People
from brokerlake.synthetic.people_feed import CustomerFeed
from brokerlake.synthetic.population import make_population
from tests.brokerlake.synthetic.small_broker import START, broker_of_a_month, records


@pytest.fixture(scope="module")
def people():
    return People(make_population(2000, 1, 400), 1)


@pytest.fixture(scope="module")
def feed(people):
    days = [date.fromordinal(START.toordinal() + n) for n in range(400)]
    return CustomerFeed(people, DayDates(days))


def _all(people, day=100):
    return people.profile(people.index, np.full(len(people.index), day))


def test_id_check_digits__known_number__is_that_of_the_standard():
    # 11010519491231002X is the worked example of GB 11643-1999
    assert identities.id_check_digits(np.array(["11010519491231002"])).tolist() == ["X"]


def test_credit_codes__check_character__closes_the_sum_modulo_31():
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    for code in identities.credit_codes(np.arange(200)).tolist():
        total = sum(alphabet.index(c) * 3**n % 31 * 1 for n, c in enumerate(code[:17]))
        assert alphabet.index(code[17]) == (31 - total % 31) % 31


def test_id_numbers__all__have_no_real_area_and_are_distinct(people):
    profile = _all(people)
    cards = [
        n
        for n, kind in zip(profile["id_number"].tolist(), profile["id_type"].tolist(), strict=True)
        if kind == "id_card"
    ]
    assert all(re.fullmatch(r"99\d{15}[\dX]|99\d{13}", number) for number in cards)
    assert len(set(profile["id_number"].tolist())) == len(people.index)
    long = [n for n in cards if len(n) == 18]
    assert identities.id_check_digits(np.array([n[:17] for n in long])).tolist() == [n[17] for n in long]


def test_id_numbers__renewal__turns_15_digits_into_the_18_of_the_same_person(people):
    renewed = np.flatnonzero((people.change_days["id_renewed"] < NEVER) & (people.id_type == "id_card"))[:20]
    old = people.id_numbers(renewed, np.full(len(renewed), -5)).tolist()
    new = people.id_numbers(renewed, people.change_days["id_renewed"][renewed]).tolist()
    assert len(old) > 5
    assert all(len(a) == 15 and len(b) == 18 and a == b[:6] + b[8:17] for a, b in zip(old, new, strict=True))


def _is_valid_phone(text):
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, "CN"))
    except phonenumbers.NumberParseException:
        return False


def test_phones__all__belong_to_no_mobile_prefix(people):
    for phone in set(_all(people)["phone"].tolist()):
        assert re.fullmatch(r"12[5-9]\d{8}", phone)
        assert not _is_valid_phone(phone)
    assert _is_valid_phone("13912345678")


def test_phones__some__are_shared_and_some_change(people):
    before, after = _all(people, 0)["phone"], _all(people, 400)["phone"]
    assert 0.01 < 1 - len(set(before.tolist())) / len(before) < 0.03
    assert 0.05 < (before != after).mean() < 0.3


def test_mail_addresses__all__are_at_reserved_domains(people):
    mails = [mail for mail in _all(people)["email"].tolist() if mail]
    assert all(re.fullmatch(r"[a-z]+\d+@example\.(com|net|org)", mail) for mail in mails)
    assert 0.5 < len(mails) / len(people.index) < 0.7


def test_names__some__need_four_bytes_in_gb18030(people):
    names = people.names.tolist()
    assert any(len(letter.encode("gb18030")) == 4 for name in names for letter in name)
    assert all(name.encode("gb18030").decode("gb18030") == name for name in names)


def test_customer_feed__changes_after_the_opening__lead_to_the_snapshot(feed):
    state = {row["customer_no"]: row for row in feed.rows(0)[0].to_pylist()}
    ops = set()
    for day in range(1, 120):
        for row in feed.rows(day)[0].to_pylist():
            assert (row["op"] == "I") == (row["customer_no"] not in state)
            assert row["changed_at"].date().toordinal() == START.toordinal() + day
            ops.add(row["op"])
            state[row["customer_no"]] = row
    snapshot, kind = feed.rows(120)
    assert ops == {"I", "U"} and kind == "snapshot"
    differing = 0
    for row in snapshot.to_pylist():
        known = state.get(row["customer_no"])
        if known is None or known["change_seq"] != row["change_seq"]:
            assert row["changed_at"].date().toordinal() == START.toordinal() + 120  # the snapshot day's own changes
        else:
            differing += {**known, "op": "S"} != row  # a shared phone that its owner changed
    assert differing <= 5
    assert set(state) <= {row["customer_no"] for row in snapshot.to_pylist()}


def test_change_log__sequence__grows_with_time_and_is_unique():
    log = ChangeLog(np.array([5, -3, 5, NEVER, 2, 5]), np.array([1, 1, 2, 2, 2, 1]))
    assert log.days.tolist() == [-1, 2, 5, 5] and log.entities.tolist() == [1, 2, 1, 2]
    assert [part.tolist() for part in log.changes(5)] == [[1, 2], [2, 3]]
    assert [part.tolist() for part in log.snapshot(4)] == [[1, 2], [0, 1]]
    assert [day for day in range(300) if is_snapshot_day(day)] == [0, 120, 240]


def test_adviser_book__roles__are_developer_and_service_within_their_branch():
    landing = broker_of_a_month() / "landing"
    branch = {row["adviser_id"]: row["branch_id"] for row in records(landing, "crm_advisers", START)}
    home = {row["customer_no"]: row["branch_id"] for row in records(landing, "crm_customers", START)}
    book = records(landing, "crm_adviser_book", START)
    assert {row["role"] for row in book} == {"developer", "service"}
    assert all(branch[row["adviser_id"]] == home[row["customer_no"]] for row in book)
    assert 0.6 < len({row["customer_no"] for row in book}) / len(home) < 0.8
