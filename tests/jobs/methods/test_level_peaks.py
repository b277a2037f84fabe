"""Peak mean and drawdown of daily levels, by hand-computed numbers."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.methods.level_peaks import max_drawdowns, peak_sums


@pytest.mark.parametrize(
    ("values", "mean_days", "expected"),
    [
        ((1, 5, 4, 6, 0, 2), 3, 15),
        ((0, 0, 7, 0, 0, 0), 3, 7),  # days before the first count as nothing
        ((0, 0, 0, 0, 0, 0), 2, None),
        ((-3, -1, 0, 0, 0, 0), 1, -1),  # the least negative
    ],
)
def test_peak_sums__daily_levels__highest_days_in_a_row(
    values: tuple[int, ...], mean_days: int, expected: int | None
) -> None:
    assert peak_sums(np.array([values, [9] * 6]), mean_days).to_pylist() == [expected, 9 * mean_days]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((10, 20, 5, 15), 0.75),
        ((1, 2, 3, 0), 0.0),
        ((10, 0, 10, 0), 0.0),
        ((4, -1, 0, 0), 1.25),
        ((-1, -2, 0, 0), None),
        ((0, 0, 0, 0), None),
    ],
)
def test_max_drawdowns__daily_levels__largest_fall_from_a_high(values: tuple[int, ...], expected: float | None) -> None:
    assert max_drawdowns(np.array([[8, 4, 8, 2], values])).to_pylist() == [0.75, expected]
