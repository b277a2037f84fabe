"""silver.identity_map: strong identifiers for good, devices until a further owner shows up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.silver.identity_map import Params, build
from tests.jobs.silver.made_nights import at_once, night_by_night, of_nights
from tests.rows import rows

pytestmark = pytest.mark.spark
TABLE = "silver.identity_map"
MONDAY, TUESDAY, WEDNESDAY = date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 6)
NIGHTS = [MONDAY, TUESDAY, WEDNESDAY]
# sha256("c1"), first 24 hexadecimal digits: python3 -c "import hashlib; print(hashlib.sha256(b'c1').hexdigest()[:24])"
ONE_ID_OF_C1 = "p_d0f631ca1ddba8db3bcfcb9e"


def login(night: date, device: str, customer: str, on: date | None = None, **values: Any) -> dict[str, Any]:
    return {"_delivered_on": night, "device_id": device, "customer_no": customer, "login_date": on or night, **values}


def given(spark: SparkSession) -> dict[str, DataFrame]:
    customers: list[dict[str, Any]] = [
        {"customer_no": "c1", "effective_date": date(2024, 3, 2), "_delivered_on": MONDAY},
        {"customer_no": "c1", "effective_date": TUESDAY, "_delivered_on": TUESDAY, "change_sequence": 2},
    ]
    accounts: list[dict[str, Any]] = [
        {"account_id": "a1", "customer_no": "c1", "effective_date": MONDAY, "_delivered_on": MONDAY},
        {"account_id": "a2", "customer_no": "c2", "effective_date": MONDAY, "_delivered_on": TUESDAY},
        {"account_id": "a1", "customer_no": "c9", "effective_date": MONDAY, "_delivered_on": WEDNESDAY},
    ]
    logins = [
        login(MONDAY, "own", "c1"),
        login(TUESDAY, "own", "c1"),
        login(MONDAY, "shared", "c1"),
        login(WEDNESDAY, "shared", "c1"),
        login(MONDAY, "", "c1"),
        login(TUESDAY, "withdrawn", "c2", _withdrawn=True),
        login(WEDNESDAY, "both", "c2"),
        login(WEDNESDAY, "late", "c2", on=MONDAY),
    ]
    events: list[dict[str, Any]] = [
        {"device_id": "shared", "customer_no": "c2", "event_date": TUESDAY, "_delivered_on": TUESDAY},
        {"device_id": "shared", "customer_no": "c3", "event_date": WEDNESDAY, "_delivered_on": WEDNESDAY},
        {"device_id": "both", "customer_no": "c1", "event_date": WEDNESDAY, "_delivered_on": WEDNESDAY},
        {"device_id": "unknown", "customer_no": None, "event_date": TUESDAY, "_delivered_on": TUESDAY},
    ]
    return {
        "customers": rows(spark, "silver.customer_changes", customers),
        "accounts": rows(spark, "silver.account_changes", accounts),
        "logins": rows(spark, "silver.logins", logins),
        "events": rows(spark, "silver.events", events),
    }


def build_nights(spark: SparkSession, nights: Sequence[date], earlier: DataFrame, cap: int = 1) -> DataFrame:
    inputs = {name: of_nights(frame, nights) for name, frame in given(spark).items()}
    return build(**inputs, earlier=earlier, params=Params(device_owners_cap=cap))


@pytest.fixture(scope="module")
def made(spark: SparkSession) -> list[dict[str, Any]]:
    return at_once(spark, TABLE, NIGHTS, lambda nights, earlier: build_nights(spark, nights, earlier))


def log_of(made: list[dict[str, Any]], identifier: str) -> list[dict[str, Any]]:
    return sorted((r for r in made if r["identifier"] == identifier), key=lambda r: r["_delivered_on"])


def test_build__range_of_nights__equals_night_by_night(spark: SparkSession, made: list[dict[str, Any]]) -> None:
    def made_of(nights: Sequence[date], earlier: DataFrame) -> DataFrame:
        return build_nights(spark, nights, earlier)

    assert night_by_night(spark, TABLE, NIGHTS, made_of) == made


def test_build__customer__one_row_from_the_first_night(made: list[dict[str, Any]]) -> None:
    (row,) = log_of(made, "c1")
    assert (row["one_id"], row["valid_from"], row["_delivered_on"]) == (ONE_ID_OF_C1, date(2024, 3, 2), MONDAY)


def test_build__account_before_its_customer__names_the_customer_too(made: list[dict[str, Any]]) -> None:
    assert [row["one_id"] for row in log_of(made, "c2")] == [log_of(made, "a2")[0]["one_id"]]


def test_build__account_with_another_owner_later__keeps_the_first(made: list[dict[str, Any]]) -> None:
    (row,) = log_of(made, "a1")
    assert (row["one_id"], row["is_closed"]) == (ONE_ID_OF_C1, False)


def test_build__device_of_one_person__attaches_once(made: list[dict[str, Any]]) -> None:
    (row,) = log_of(made, "own")
    assert (row["one_id"], row["valid_from"], row["is_closed"]) == (ONE_ID_OF_C1, MONDAY, False)
    assert log_of(made, "late")[0]["valid_from"] == MONDAY


def test_build__second_owner__closes_the_device_for_good(made: list[dict[str, Any]]) -> None:
    first, second = log_of(made, "shared")
    assert (first["_delivered_on"], first["is_closed"]) == (MONDAY, False)
    assert (second["_delivered_on"], second["is_closed"], second["valid_to"]) == (TUESDAY, True, TUESDAY)
    assert (second["one_id"], len(second["owner_one_ids"])) == (ONE_ID_OF_C1, 2)


def test_build__two_owners_in_one_night__attaches_to_nobody(made: list[dict[str, Any]]) -> None:
    (row,) = log_of(made, "both")
    assert row["is_closed"]


def test_build__nothing_to_tell__no_row(made: list[dict[str, Any]]) -> None:
    assert not [r for r in made if r["identifier"] in ("", "withdrawn", "unknown")]


def test_build__higher_cap__attaches_to_the_first_owner_longer(spark: SparkSession) -> None:
    def made_of(nights: Sequence[date], earlier: DataFrame) -> DataFrame:
        return build_nights(spark, nights, earlier, cap=2)

    states = [
        (row["_delivered_on"], row["is_closed"]) for row in log_of(at_once(spark, TABLE, NIGHTS, made_of), "shared")
    ]
    assert states == [(MONDAY, False), (TUESDAY, False), (WEDNESDAY, True)]
