"""The hidden truth, in a folder that no job reads: who is who, who leaves, what was planted, and how to go on.

people.parquet      one row per customer: persona, plan that won them, day and kind of leaving, day of coming back
devices.parquet     one row per customer and device they use
accounts.parquet    one row per account
identities.parquet  one row per clear identity that may stand in landing (kind, value): the canaries
faults.parquet      one row per planted fault
state.npz, state.json   the books at the end of the last day
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from brokerlake.synthetic import devices
from brokerlake.synthetic.advisers import Advisers
from brokerlake.synthetic.day_dates import DayDates
from brokerlake.synthetic.marketing import Marketing
from brokerlake.synthetic.people import People
from brokerlake.synthetic.population import PERSONAS
from brokerlake.synthetic.service import stranger_phones

FAULT_SCHEMA = pa.schema(
    {
        "feed": pa.string(),
        "business_date": pa.date32(),
        "file": pa.string(),
        "line": pa.int64(),
        "kind": pa.string(),
        "expected": pa.string(),
        "key": pa.string(),
    }
)
CHURN_KINDS = ("none", "explicit", "hidden")


@dataclass(frozen=True)
class PlantedFault:
    """One row of faults.parquet: `file` is relative to landing, line 1 the first line; a whole delivery has line 0."""

    feed: str
    business_date: date
    file: str
    line: int
    kind: str
    expected: str
    key: str | None


def append_faults(folder: Path, faults: Sequence[PlantedFault], since: date) -> None:
    """Add the faults to the ledger, instead of what it held from the business date `since` on."""
    path = folder / "faults.parquet"
    rows = pa.Table.from_pylist([vars(fault) for fault in faults], FAULT_SCHEMA)
    if path.exists():
        kept = pq.read_table(path)
        rows = pa.concat_tables([kept.filter(pc.less(kept["business_date"], pa.scalar(since))), rows])
    pq.write_table(rows, path)


def write_people(
    folder: Path, people: People, marketing: Marketing, advisers: Advisers, dates: DayDates, last_day: int
) -> None:
    """Truth about everybody who opened by `last_day`."""
    known = people.population.customers_open(last_day)
    population = people.population
    plans = pa.array([None, *marketing.plan_ids], pa.string()).take(pa.array(marketing.acquisition[known] + 1))
    table = pa.table(
        {
            "customer_no": population.customer_no[known],
            "persona": pa.array(PERSONAS).take(pa.array(population.persona[known])),
            "acquisition_plan": plans,
            "opened_on": dates.date32(population.opened_day[known]),
            "churn_kind": pa.array(CHURN_KINDS).take(pa.array(population.churn_kind[known])),
            "churn_day": pa.array(population.churn_day[known]),
            "churn_on": dates.date32(population.churn_day[known]),
            "return_day": pa.array(population.return_day[known]),
            "return_on": dates.date32(population.return_day[known]),
            "wealth": pa.array(population.wealth[known]),
            "phone_owner_no": population.customer_no[people.phone_owner[known]],
        }
    )
    pq.write_table(table, folder / "people.parquet")
    owned = np.isin(population.account_customer, known)
    accounts = {
        "customer_no": population.customer_no[population.account_customer[owned]],
        "account_id": population.account_id[owned],
        "account_kind": population.account_kind[owned],
    }
    pq.write_table(pa.table(accounts), folder / "accounts.parquet")
    used = _device_use(people, known)
    pq.write_table(
        pa.table(
            {
                "customer_no": population.customer_no[used[0]],
                "device_id": devices.device_ids(people.seed, used[1]),
                "is_borrowed": pa.array(used[0] != used[1] // 4),
            }
        ),
        folder / "devices.parquet",
    )
    pq.write_table(_identities(people, advisers, known, used[1]), folder / "identities.parquet")


def _device_use(people: People, known: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Customer and device key of everything a customer may use."""
    borrower = known[devices.borrows(people.seed, known)]
    slots = np.arange(4, dtype=np.int64)
    pairs = [(np.repeat(known, 4), (known[:, None] * 4 + slots).ravel())]
    pairs += [(borrower, (borrower - 1) * 4 + slot) for slot in (devices.FIRST_PHONE, devices.SECOND_PHONE)]
    user, key = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return user, key


def _identities(
    people: People, advisers: Advisers, known: NDArray[np.int64], device_keys: NDArray[np.int64]
) -> pa.Table:
    """Every clear identity of customers and advisers, in all versions there ever were by the end."""
    owners = np.unique(people.phone_owner[known])
    ends = [np.full(len(owners), day) for day in (-(10**6), 10**6)]
    middle = np.minimum(people.change_days["phone_1"][owners], 10**6)
    versions = [np.full(len(known), day) for day in (-(10**6), 10**6)]
    profile = people.profile(known, versions[0])
    values: dict[str, list[str]] = {
        "name": [*profile["name"].tolist(), *advisers.names.tolist()],
        "id_number": [text for days in versions for text in people.id_numbers(known, days).tolist()],
        "phone": [text for days in (*ends, middle) for text in people.phones(owners, days).tolist()],
        "email": [text for text in profile["email"].tolist() if text],
        "wecom": [text for text in profile["wecom_id"].tolist() if text],
        "account": people.population.account_id[np.isin(people.population.account_customer, known)].tolist(),
        "device": devices.device_ids(people.seed, device_keys).to_pylist(),
        "licence": advisers.licences.tolist(),
    }
    values["phone"] += stranger_phones(len(people.index)).tolist()
    pairs = sorted({(kind, text) for kind, texts in values.items() for text in texts})
    return pa.table({"kind": [kind for kind, _ in pairs], "value": [text for _, text in pairs]})


def clear_identities(folder: Path) -> dict[str, list[str]]:
    """Kind to clear values: what must not be found outside landing and vault."""
    table = pq.read_table(folder / "identities.parquet")
    found: dict[str, list[str]] = {}
    for kind, value in zip(table["kind"].to_pylist(), table["value"].to_pylist(), strict=True):
        found.setdefault(kind, []).append(value)
    return found


def save_state(folder: Path, arguments: Mapping[str, Any], last: date, state: Mapping[str, NDArray]) -> None:
    """Keep the books at the end of `last`, for the next call with the same arguments."""
    with (folder / "state.npz.unfinished").open("wb") as handle:
        np.savez(handle, **state)  # type: ignore[arg-type]
    (folder / "state.json").unlink(missing_ok=True)
    (folder / "state.npz.unfinished").rename(folder / "state.npz")
    text = json.dumps({"last": last.isoformat(), "arguments": dict(arguments)}, sort_keys=True)
    (folder / "state.json").write_text(text + "\n", encoding="utf-8")


def load_state(folder: Path, arguments: Mapping[str, Any], last: date) -> dict[str, NDArray] | None:
    """The books at the end of `last` for these arguments, None when they are not kept."""
    note = folder / "state.json"
    if not note.exists():
        return None
    wanted = {"last": last.isoformat(), "arguments": dict(arguments)}
    if json.loads(note.read_text(encoding="utf-8")) != json.loads(json.dumps(wanted)):
        return None
    with np.load(folder / "state.npz", allow_pickle=False) as saved:
        return {name: saved[name] for name in saved.files}
