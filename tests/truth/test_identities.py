import re

from brokerlake.synthetic.truth import clear_identities
from tests.brokerlake.synthetic.small_broker import broker_of_a_month, records

COLUMNS = {
    "crm_customers": {
        "name": "name",
        "id_number": "id_number",
        "phone": "phone",
        "email": "email",
        "wecom_id": "wecom",
    },
    "crm_advisers": {"name": "name", "licence_no": "licence"},
    "crm_contacts": {"phone": "phone"},
    "trading_accounts": {"account_id": "account"},
    "trading_logins": {"account_id": "account"},
}


def test_clear_identities__every_identity_column_of_landing__is_known():
    known = {kind: set(values) for kind, values in clear_identities(broker_of_a_month() / "truth").items()}
    for feed, columns in COLUMNS.items():
        for row in records(broker_of_a_month() / "landing", feed):
            for column, kind in columns.items():
                assert not row[column] or row[column] in known[kind], (feed, column)


def test_clear_identities__devices_of_logged_in_people__are_known():
    known = set(clear_identities(broker_of_a_month() / "truth")["device"])
    rows = records(broker_of_a_month() / "landing", "web_events")
    assert {row["distinct_id"] for row in rows if row["login_id"]} <= known
    assert {row["device_id"] for row in records(broker_of_a_month() / "landing", "trading_logins")} - {""} <= known


def test_clear_identities__phones_in_free_text__are_known():
    known = set(clear_identities(broker_of_a_month() / "truth")["phone"])
    landing = broker_of_a_month() / "landing"
    texts = [row["text"] for row in records(landing, "crm_contacts")]
    texts += [row["properties"].get("keyword", "") for row in records(landing, "web_events")]
    found = {phone for text in texts for phone in re.findall(r"1\d{10}", text)}
    assert found and found <= known
