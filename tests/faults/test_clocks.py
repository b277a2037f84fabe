"""F16: the host's time zone and a wrong clock change nothing; 29 February, year's end and Lunar New Year are nights."""

from __future__ import annotations

from datetime import date

import pytest

from brokerlake.release.releases import current_release
from tests.faults import small_lake
from tests.faults.processes import NightProcess

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("small_lake")]


@pytest.mark.release
@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("Pacific/Kiritimati", 1),
        ("America/Los_Angeles", -1),
        ("Asia/Shanghai", 0),
    ],
)
def test_night__under_another_zone_and_clock__is_equal(copy, undisturbed, tmp_path, zone, days):
    small = copy()
    before = current_release(undisturbed.ran.lake.settings)
    night = NightProcess(
        small, small.nights[0], tmp_path / "night.txt", ["-m", "tests.faults.other_clock"], TZ=zone,
        CLOCK_DAYS=str(days),
    )  # fmt: skip
    assert night.wait() == 0, night.output[-3000:]
    assert small_lake.content(small.lake) == undisturbed.after
    release = current_release(small.lake.settings)
    assert release is not None and before is not None
    assert (release.published_at - before.published_at).days == days


def test_nights__of_the_small_lake__go_over_the_days_that_are_special(undisturbed):
    small = undisturbed.before
    assert small.nights[0] == date(2024, 2, 29)
    gaps = [(b - a).days for a, b in zip(small.history, small.history[1:], strict=False)]
    assert small.history[0].year == 2023 and small.history[-1].year == 2024
    assert max(gaps) >= 9, "the history goes over the Lunar New Year"
