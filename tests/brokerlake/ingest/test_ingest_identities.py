"""From landing to bronze: identities leave the reader as tokens, their clear values go to the vault alone."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
from deltalake import DeltaTable

from tests.brokerlake.ingest.cash_flows import FLOWS, MONDAY, TUESDAY, bronze, flow, ingest
from tests.brokerlake.landing.hand_over import delimited_bytes, hand_over, json_bytes


def test_ingest_feed__identities__are_tokens_and_the_vault_knows_them(settings):
    person = {
        "change_seq": "1", "op": "I", "customer_no": "C1", "name": "王䶮伟", "id_number": "990101199001011234",
        "phone": "12512345678", "email": "wang1001@example.com", "wecom_id": "wm00112233", "gender": "",
    }  # fmt: skip
    broken = "2,U,C2,person,李小龙,id,990101199001015678,12598765432\n".encode("gb18030")
    people = [person, *({**person, "change_seq": str(n), "name": f"张{n}"} for n in range(2, 200))]
    content = delimited_bytes("crm_customers", people, ",") + broken
    hand_over(
        settings.landing, "crm_customers", MONDAY, people, {"c.csv": content}, kind="changes", file_rows={"c.csv": 200},
        row_count=200,
    )  # fmt: skip
    done = ingest(settings, feed="crm_customers")
    row = next(r for r in bronze(settings, "crm_customers") if r["change_seq"] == "1")
    assert row["phone"].startswith("k1_") and len(row["phone"]) == 35
    assert (row["customer_no"], row["gender"]) == ("C1", None)
    assert (row["name_masked"], row["phone_masked"]) == ("王**", "125****5678")
    assert (row["id_number_masked"], row["email_masked"]) == ("**************1234", "w***@example.com")
    vault = DeltaTable(settings.vault / "identities").to_pyarrow_table().to_pylist()
    known = {(entry["kind"], entry["value"]): entry for entry in vault}
    assert known["phone", "12512345678"]["token"] == row["phone"]
    assert known["phone", "12512345678"]["first_seen"] == MONDAY
    assert known["name", "王䶮伟"]["key_version"] == "k1"
    assert done.rejected.to_pylist()[0]["excerpt"] == "2,U,C2,person,*,id,[number],[number]"
    assert len(vault) == len({entry["token"] for entry in vault}) == 199 + 4


def clear_values_on_disk(folder: Path, values: list[str]) -> list[str]:
    """Clear values found in any Parquet or log file below the folder, decoded the way a reader sees them."""
    found = []
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            text = "\n".join(str(row) for row in pq.read_table(path, partitioning=None).to_pylist())
        elif path.is_file():
            text = path.read_bytes().decode("utf-8", "replace")
        else:
            continue
        found += [value for value in values if value in text]
    return found


def test_ingest_feed__free_text_and_devices__no_clear_value_outside_the_vault(settings):
    contacts = [
        {"contact_id": f"c{n}", "phone": "12512345678", "kind": "call", "satisfaction": n,
         "text": "客户电话 125 1234 5678, 账号608812345678, mail li9@example.org, 身份证99010119900101123X"}
        for n in range(3)
    ]  # fmt: skip
    events = [
        {"event_id": "e1", "distinct_id": "dev0123456789abcdef", "ip": "198.18.0.7",
         "properties": {"keyword": "12512345678", "journey_id": "j12512345678x", "note": "li9@example.org"}}
    ]  # fmt: skip
    hand_over(
        settings.landing, "crm_contacts", MONDAY, contacts, {"c.jsonl": json_bytes("crm_contacts", contacts, False)}
    )
    hand_over(settings.landing, "web_events", MONDAY, events, {"e-00.jsonl.gz": json_bytes("web_events", events)})
    ingest(settings, feed="crm_contacts")
    ingest(settings, feed="web_events")
    clear = [
        "12512345678",
        "125 1234 5678",
        "608812345678",
        "li9@example.org",
        "99010119900101123X",
        "198.18.0.7",
        "dev01",
    ]
    assert clear_values_on_disk(settings.lake, [v for v in clear if v != "12512345678"]) == []
    assert "12512345678" not in bronze(settings, "crm_contacts")[0]["text"]
    properties = json.loads(bronze(settings, "web_events")[0]["properties"])
    assert properties == {"keyword": "[number]", "journey_id": "j12512345678x", "note": "[mail]"}
    assert clear_values_on_disk(settings.vault, ["198.18.0.7"])  # the check itself can find one


def test_ingest_feed__same_value_in_two_feeds__one_token_kept_once(settings):
    hand_over(settings.landing, FLOWS, TUESDAY, [flow(1)])
    hand_over(settings.landing, "trading_security_movements", MONDAY,
              [{"movement_id": "m1", "account_id": flow(1)["account_id"], "value": "0"}])  # fmt: skip
    ingest(settings)
    ingest(settings, feed="trading_security_movements")
    vault = DeltaTable(settings.vault / "identities").to_pyarrow_table().to_pylist()
    assert [entry["value"] for entry in vault] == [flow(1)["account_id"]]
    assert bronze(settings)[0]["account_id"] == bronze(settings, "trading_security_movements")[0]["account_id"]
