from __future__ import annotations

from datetime import date

import pytest

from brokerlake.errors import PlanError
from brokerlake.run.backfill import Range
from brokerlake.schedule.ranges import range_of

DAYS = {"first": "2024-10-24", "last": "2024-10-25"}


@pytest.mark.parametrize("options", [{}, {"from_table": None, "as_of": "all"}, {"from_table": ""}])
def test_range_of__dates_only__every_table_and_as_of_date(options):
    assert range_of({**DAYS, **options}) == Range(date(2024, 10, 24), date(2024, 10, 25), None, "all")


def test_range_of__options__taken_over():
    asked = range_of({**DAYS, "from_table": "gold.rfm", "as_of": "sparse"})
    assert (asked.from_table, asked.as_of) == ("gold.rfm", "sparse")


@pytest.mark.parametrize("missing", ["first", "last"])
def test_range_of__date_missing__names_the_parameter(missing):
    with pytest.raises(PlanError, match=f"{missing}: '' is no date"):
        range_of({name: text for name, text in DAYS.items() if name != missing})
