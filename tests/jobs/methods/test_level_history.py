"""Peak mean and drawdown of a daily level, by hand-computed numbers."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.methods.level_history import Series, max_drawdown, peak_sum


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


def test_series_as_of__correction_known_later__counts_from_its_night_on() -> None:
    series = Series(levels(8, 9, 8), months=levels(1, 1, 1), known=levels(8, 9, 10), levels=levels(5, 6, 2))
    assert series.as_of(9, 3).tolist() == [0, 5, 6]
    assert series.as_of(10, 3).tolist() == [7, 6, 0]
    assert series.as_of(11, 3).tolist() == [6, 0, 0]


def test_series_month_sums__last_two_months__as_known_that_night() -> None:
    series = Series(
        nights=levels(20, 40, 41, 60, 41),
        months=levels(1, 2, 2, 3, 2),
        known=levels(20, 40, 41, 60, 61),
        levels=levels(9, 5, 6, 7, 100),
    )
    assert series.month_sums(60, last_month=2, count=2).tolist() == [11, 9]
    assert series.month_sums(61, last_month=2, count=2).tolist() == [111, 9]
    assert series.month_sums(60, last_month=3, count=2).tolist() == [7, 11]
    assert series.month_sums(60, last_month=9, count=3).tolist() == [0, 0, 0]
