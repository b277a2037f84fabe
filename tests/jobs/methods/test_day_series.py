"""Windows, peak mean and drawdown of daily levels, by hand-computed numbers."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.methods.day_series import Series, Wanted, max_drawdown, numbers_of, peak_sum


def levels(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_peak_sum__rise_and_fall__highest_three_days_in_a_row() -> None:
    assert peak_sum(levels(1, 5, 4, 6, 0, 2), 3) == 15


def test_peak_sum__days_before_the_first__count_as_nothing() -> None:
    assert peak_sum(levels(0, 0, 7), 3) == 7


def test_peak_sum__no_level_at_all__none() -> None:
    assert peak_sum(levels(0, 0, 0), 2) is None


def test_peak_sum__negative_levels__the_least_negative() -> None:
    assert peak_sum(levels(-3, -1, 0), 1) == -1


@pytest.mark.parametrize(
    ("values", "expected"),
    [((10, 20, 5, 15), 0.75), ((1, 2, 3), 0.0), ((10, 0, 10), 0.0), ((4, -1), 1.25), ((-1, -2), None), ((0, 0), None)],
)
def test_max_drawdown__daily_levels__largest_fall_from_a_high(values: tuple[int, ...], expected: float | None) -> None:
    assert max_drawdown(levels(*values)) == expected


def series_of(known: np.ndarray, values: dict[str, np.ndarray], **told: np.ndarray) -> Series:
    """A series of a party that is always the person's; `told` gives nights, days and months, which else are 0."""
    none = np.zeros_like(known)
    nights, days, months = (told.get(name, none) for name in ("nights", "days", "months"))
    return Series(nights, days, months, known, none, none + 999, values)


def last_days(series: Series, night: int, count: int) -> list[int]:
    return series.last_days(["x"], night, count)["x"].tolist()


def test_last_days__correction_known_later__counts_from_its_night_on() -> None:
    series = series_of(levels(8, 9, 10), {"x": levels(5, 6, 2)}, nights=levels(8, 9, 8))
    assert last_days(series, 9, 3) == [6, 5, 0]
    assert last_days(series, 10, 3) == [0, 6, 7]
    assert last_days(series, 11, 3) == [0, 0, 6]


def test_last_days__party_of_another_person_by_then__does_not_count() -> None:
    nights, none = levels(8, 9), levels(0, 0)
    series = Series(nights, none, none, nights, levels(9, 9), levels(10, 12), {"x": levels(5, 6)})
    assert last_days(series, 8, 2) == [0, 0]
    assert last_days(series, 10, 3) == [0, 6, 5]
    assert last_days(series, 11, 4) == [0, 0, 6, 0]


def test_month_sums__last_two_months__as_known_that_night() -> None:
    series = series_of(levels(20, 40, 41, 60, 61), {"x": levels(9, 5, 6, 7, 100)}, months=levels(1, 2, 2, 3, 2))
    assert series.month_sums("x", 60, last_month=2, count=2).tolist() == [11, 9]
    assert series.month_sums("x", 61, last_month=2, count=2).tolist() == [111, 9]
    assert series.month_sums("x", 60, last_month=3, count=2).tolist() == [7, 11]
    assert series.month_sums("x", 60, last_month=9, count=3).tolist() == [0, 0, 0]


WANTED = Wanted(
    window_days=4,
    mean_days=2,
    month_count=1,
    level="x",
    sums={"x_1": ("x", 1), "x_3": ("x", 3), "y_4": ("y", 4)},
    back_sums={"x_back_2": ("x", 2), "x_back_4": ("x", 4)},
    ago={"x_2_ago": ("x", 2), "x": ("x", 0)},
    days_with={"days_with_z_2": ("z", 2), "days_with_x_4": ("x", 4)},
    days_since={"since_z": "z", "since_y": "y", "since_w": "w"},
    streaks={"streak_z": "z", "streak_x": "x"},
    natural_days={"natural_days": (("v", "z"), 3)},
)


def numbers(series: Series) -> dict[str, int | None]:
    """On night 10, day 103."""
    days = series.last_days(WANTED.by_trading_day, 10, WANTED.window_days)
    return dict(zip(WANTED.numbers, numbers_of(series, days, 10, 103, WANTED), strict=True))


def test_numbers_of__every_kind__under_its_name() -> None:
    """Night 10 is day 103: a Monday, whose night holds Saturday's row too."""
    values = {
        "x": levels(1, 20, 300, 0, 4000),
        "y": levels(0, 5, 7, 0, -8),
        "z": levels(0, 0, 9, 0, 0),
        "w": levels(0, 0, 0, 0, 0),
        "v": levels(1, 1, 0, 2, 0),
    }
    nights = levels(6, 7, 8, 10, 10)
    series = series_of(nights, values, nights=nights, days=levels(96, 97, 100, 101, 103))
    found = numbers(series)
    assert WANTED.measures == ("x", "y", "z", "w", "v")
    assert found == {
        "x_1": 4000,
        "x_3": 4300,
        "y_4": 4,
        "x_back_2": 0,
        "x_back_4": 300 * 2 + 20 * 3,
        "x_2_ago": 300,
        "x": 4000,
        "days_with_z_2": 0,
        "days_with_x_4": 3,
        "since_z": 2,
        "since_y": 2,
        "since_w": None,
        "streak_z": 0,
        "streak_x": 1,
        "natural_days": 1,
    }


@pytest.mark.parametrize(("told", "expected"), [((0, 1, 3), 2), ((1, 2), 0), ((0, 1, 2, 3), 4)])
def test_numbers_of__streak__ends_at_the_first_gap(told: tuple[int, ...], expected: int) -> None:
    nights = levels(*[10 - back for back in told])
    ones, none = np.ones_like(nights), np.zeros_like(nights)
    series = series_of(nights, {"z": ones, **dict.fromkeys("xywv", none)}, nights=nights)
    assert numbers(series)["streak_z"] == expected
