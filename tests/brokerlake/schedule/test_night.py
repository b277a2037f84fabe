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


@pytest.mark.parametrize("key", ["2024-10-25", "2024-10-25T00:00:00"])
def test_business_date__partition_key__wins_over_parameter_and_logical_date(key):
    late = datetime(2024, 10, 30, tzinfo=UTC)
    assert resolve(partition_key=key, parameters={"night": "2024-01-02"}, logical_date=late) == FRIDAY


def test_business_date__parameter__wins_over_logical_date():
    assert resolve(parameters={"night": "2024-10-24"}, logical_date=EVENING) == date(2024, 10, 24)


@pytest.mark.parametrize("parameters", [{}, {"night": None}, {"night": ""}])
def test_business_date__neither_key_nor_parameter__logical_date(parameters):
    assert resolve(parameters=parameters, logical_date=EVENING) == FRIDAY


@pytest.mark.parametrize(
    ("logical_date", "zone", "night"),
    [
        (datetime(2024, 10, 24, 16, 30, tzinfo=UTC), "Asia/Shanghai", FRIDAY),
        (datetime(2024, 10, 25, 16, 30, tzinfo=UTC), "Asia/Shanghai", date(2024, 10, 26)),
        (datetime(2024, 10, 25, 3, tzinfo=UTC), "America/New_York", date(2024, 10, 24)),
    ],
)
def test_business_date__logical_date__is_read_in_the_zone_of_the_market(logical_date, zone, night):
    assert resolve(logical_date=logical_date, zone=zone) == night


def test_business_date__nothing_says_it__fails():
    with pytest.raises(PlanError, match="no logical date"):
        resolve()


def test_night_of__context_with_another_ds__does_not_look_at_it():
    context = {"ds": "2024-10-24", "ts": "2024-10-24T16:30:00+00:00", "params": {}}
    assert night_of({**context, "logical_date": datetime(2024, 10, 24, 16, 30, tzinfo=UTC)}, "Asia/Shanghai") == FRIDAY
    with pytest.raises(PlanError, match="no logical date"):
        night_of(context, "Asia/Shanghai")


@pytest.mark.parametrize("given", [{"partition_key": "friday"}, {"parameters": {"night": "25.10.2024"}}])
def test_business_date__not_a_date__names_the_source(given):
    with pytest.raises(PlanError, match="is no date"):
        resolve(**given)


def test_night_of__context_without_logical_date__uses_the_run():
    run = SimpleNamespace(partition_key="2024-10-25", logical_date=None)
    assert night_of({"dag_run": run, "params": {}}, "Asia/Shanghai") == FRIDAY
    run = SimpleNamespace(partition_key=None, logical_date=EVENING)
    assert night_of({"dag_run": run}, "Asia/Shanghai") == FRIDAY
