"""Windows over persons' days, by hand-computed numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from jobs.methods import day_series
from jobs.methods.day_series import (
    ASKED,
    ID,
    PLACE,
    TOLD,
    AsOf,
    Days,
    Wanted,
    to_amounts,
    window_numbers,
)


def levels(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


WANTED = Wanted(
    window_days=4,
    mean_days=2,
    month_count=2,
    level="x",
    families={"_levels": ("x",), "_others": ("y", "z", "w", "v")},
    sums={"x_1": ("x", 0, 1), "x_3": ("x", 0, 3), "y_4": ("y", 0, 4), "x_third_and_fourth": ("x", 2, 4)},
    back_sums={"x_back_2": ("x", 0, 2), "x_back_4": ("x", 0, 4)},
    ago={"x_2_ago": ("x", 2), "x": ("x", 0)},
    days_with={"days_with_z_2": ("z", 2), "days_with_x_4": ("x", 4)},
    days_since={"since_z": "z", "since_y": "y", "since_w": "w"},
    streaks={"streak_z": "z", "streak_x": "x"},
    natural_sums={"v_4": ("v", 4), "v_7": ("v", 7)},
    natural_days={"natural_days": (("v", "z"), 3)},
    amounts={"x_2_ago"},
)


def days_of(known: np.ndarray, values: dict[str, np.ndarray], **told: np.ndarray) -> Days:
    """Days of one person, of a party that is always theirs unless `since` and `until` say otherwise."""
    none = np.zeros_like(known)
    columns = {"_night": none, "_day": none, "_month": none, "_known": known, "_since": none, "_until": none + 999}
    columns |= {f"_{name}": value for name, value in told.items()}
    every = np.arange(len(known))
    return Days(1, none, columns, {name: (every, value) for name, value in values.items()})


def by_day(days: Days, night: int, count: int) -> list[int]:
    return AsOf(days, replace(WANTED, window_days=count), night, 0, 0).by_day("x")[0].tolist()


def test_by_day__correction_known_later__counts_from_its_night_on() -> None:
    days = days_of(levels(8, 9, 10), {"x": levels(5, 6, 2)}, night=levels(8, 9, 8))
    assert by_day(days, 9, 3) == [6, 5, 0]
    assert by_day(days, 10, 3) == [0, 6, 7]
    assert by_day(days, 11, 3) == [0, 0, 6]


def test_by_day__party_of_another_person_by_then__does_not_count() -> None:
    nights = levels(8, 9)
    days = days_of(nights, {"x": levels(5, 6)}, night=nights, since=levels(9, 9), until=levels(10, 12))
    assert by_day(days, 8, 2) == [0, 0]
    assert by_day(days, 10, 3) == [0, 6, 5]
    assert by_day(days, 11, 4) == [0, 0, 6, 0]


def test_by_month__last_months__as_known_that_night() -> None:
    days = days_of(levels(20, 40, 41, 60, 61), {"x": levels(9, 5, 6, 7, 100)}, month=levels(1, 2, 2, 3, 2))

    def by_month(night: int, last_month: int, count: int) -> list[int]:
        return AsOf(days, WANTED, night, 0, last_month).by_month("x", count)[0].tolist()

    assert by_month(60, 2, 2) == [11, 9]
    assert by_month(61, 2, 2) == [111, 9]
    assert by_month(60, 3, 2) == [7, 11]
    assert by_month(60, 9, 3) == [0, 0, 0]


def numbers(days: Days, night: int = 10, day: int = 103) -> dict[str, int | None]:
    return {name: value[0].as_py() for name, value in AsOf(days, WANTED, night, day, 0).numbers().items()}


def test_numbers__every_kind__under_its_name() -> None:
    """Night 10 is day 103: a Monday, whose night holds Saturday's row too."""
    values = {
        "x": levels(1, 20, 300, 0, 4000),
        "y": levels(0, 5, 7, 0, -8),
        "z": levels(0, 0, 9, 0, 0),
        "w": levels(0, 0, 0, 0, 0),
        "v": levels(1, 1, 0, 2, 0),
    }
    nights = levels(6, 7, 8, 10, 10)
    found = numbers(days_of(nights, values, night=nights, day=levels(96, 97, 100, 101, 103)))
    assert found == {
        "x_1": 4000,
        "x_3": 4300,
        "y_4": 4,
        "x_third_and_fourth": 320,
        "x_back_2": 0,
        "x_back_4": 300 * 2 + 20 * 3,
        "x_2_ago": Decimal("0.0300"),
        "x": 4000,
        "days_with_z_2": 0,
        "days_with_x_4": 3,
        "since_z": 2,
        "since_y": 2,
        "since_w": None,
        "streak_z": 0,
        "streak_x": 1,
        "v_4": 2,
        "v_7": 3,
        "natural_days": 1,
    }
    assert tuple(found) == WANTED.numbers


@pytest.mark.parametrize(("told", "expected"), [((0, 1, 3), 2), ((1, 2), 0), ((0, 1, 2, 3), 4)])
def test_numbers__streak__ends_at_the_first_gap(told: tuple[int, ...], expected: int) -> None:
    nights = levels(*[10 - back for back in told])
    ones, none = np.ones_like(nights), np.zeros_like(nights)
    assert numbers(days_of(nights, {"z": ones, **dict.fromkeys("xywv", none)}, night=nights))["streak_z"] == expected


def test_to_amounts__ten_thousandths__are_the_digits() -> None:
    units = levels(0, 1, -1, 12_345_678, -(10**18 - 1))
    expected = ["0.0000", "0.0001", "-0.0001", "1234.5678", "-99999999999999.9999"]
    assert to_amounts(units).to_pylist() == [Decimal(text) for text in expected]
    assert str(to_amounts(units).type) == "decimal128(18, 4)"


@pytest.mark.parametrize("units", [10**18, -(10**18), -(2**63)])
def test_to_amounts__more_digits_than_the_type_has__is_refused(units: int) -> None:
    with pytest.raises(OverflowError, match="more digits than DECIMAL"):
        to_amounts(levels(5, units))


PERSONS = ("a", "b", "c", "d")


def rows_of(person: str, place: int, changes: int) -> list[dict[str, object]]:
    """So many changes of x, 1 each on a night of its own, and two questions about them."""
    told = [
        {ID: person, PLACE: place, **dict.fromkeys(TOLD, 0), "_night": n, "_known": n, "_until": 99, "_levels": [1]}
        for n in range(changes)
    ]
    asked = [{ID: person, PLACE: place, **dict(zip(ASKED, (night, night + 100, 0), strict=True))} for night in (1, 3)]
    return [*told, *asked]


@pytest.mark.parametrize("places", [(7, 8, 9, 10), (7, 8, 8, 9)], ids=["own_places", "two_share_one"])
@pytest.mark.parametrize("at_a_time", [1, 5, 1000])
def test_window_numbers__batches_that_cut_persons__each_is_answered_whole(
    at_a_time: int, places: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_series, "ROWS_AT_A_TIME", at_a_time)
    integers = [(name, pa.int32()) for name in (*TOLD, *ASKED)]
    families = [(name, pa.list_(pa.int64())) for name in WANTED.families]
    schema = pa.schema([(ID, pa.string()), (PLACE, pa.int64()), *integers, *families])
    given = [row for at, who in enumerate(PERSONS) for row in rows_of(who, places[at], changes=at)]
    given.sort(key=lambda row: (row[PLACE], row.get("_night", -1)))  # who share a place are mixed
    batches: Iterator[pa.RecordBatch] = iter(pa.Table.from_pylist(given, schema).to_batches(max_chunksize=3))
    found = [row for batch in window_numbers(WANTED)(batches) for row in batch.to_pylist()]
    told = {(row[ID], row["_as_of_day"]): (row["x_3"], row["month_sums"]) for row in found}
    assert len(found) == len(told) == 2 * len(PERSONS)
    assert told == {
        ("a", 101): (0, [0, 0]), ("a", 103): (0, [0, 0]),
        ("b", 101): (1, [1, 0]), ("b", 103): (0, [1, 0]),
        ("c", 101): (2, [2, 0]), ("c", 103): (1, [2, 0]),
        ("d", 101): (2, [2, 0]), ("d", 103): (2, [3, 0]),
    }  # fmt: skip
