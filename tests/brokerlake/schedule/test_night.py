from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from brokerlake.errors import PlanError
from brokerlake.schedule.night import business_date, night_of

FRIDAY = date(2024, 10, 25)
EVENING = datetime(2024, 10, 25, 12, 0, tzinfo=UTC)


def resolve(partition_key=None, parameters=None, logical_date=None, zone="Asia/Shanghai"):
    return business_date(
        partition_key=partition_key, parameters=parameters or {}, logical_date=logical_date, time_zone=zone
    )


@pytest.mark.parametrize(
    ("given", "night"),
    [
        ({"partition_key": "2024-10-25", "parameters": {"night": "2024-01-02"}, "logical_date": EVENING}, FRIDAY),
        ({"partition_key": "2024-10-25T00:00:00", "logical_date": EVENING}, FRIDAY),
        ({"parameters": {"night": "2024-10-24"}, "logical_date": EVENING}, date(2024, 10, 24)),
        ({"parameters": {"night": None}, "logical_date": EVENING}, FRIDAY),
        ({"logical_date": datetime(2024, 10, 24, 16, 30, tzinfo=UTC)}, FRIDAY),
        ({"logical_date": datetime(2024, 10, 25, 16, 30, tzinfo=UTC)}, date(2024, 10, 26)),
        ({"logical_date": datetime(2024, 10, 25, 3, tzinfo=UTC), "zone": "America/New_York"}, date(2024, 10, 24)),
    ],
)
def test_business_date__sources__partition_key_then_parameter_then_market_date(given, night):
    assert resolve(**given) == night


def test_business_date__nothing_says_it__fails():
    with pytest.raises(PlanError, match="no logical date"):
        resolve()


@pytest.mark.parametrize("given", [{"partition_key": "friday"}, {"parameters": {"night": "25.10.2024"}}])
def test_business_date__not_a_date__names_the_source(given):
    with pytest.raises(PlanError, match="is no date"):
        resolve(**given)


def test_night_of__context_without_logical_date__uses_the_run():
    run = SimpleNamespace(partition_key="2024-10-25", logical_date=None)
    assert night_of({"dag_run": run, "params": {}}, "Asia/Shanghai") == FRIDAY
    run = SimpleNamespace(partition_key=None, logical_date=EVENING)
    assert night_of({"dag_run": run}, "Asia/Shanghai") == FRIDAY
