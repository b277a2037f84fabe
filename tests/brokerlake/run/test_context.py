"""What a run knows of itself before its first Spark step."""

from __future__ import annotations

from datetime import date

import pytest

from brokerlake import session
from brokerlake.lake import open_lake
from brokerlake.plan.dates import RunDates
from brokerlake.run.context import LARGE_BYTES, open_run
from brokerlake.settings import load_settings

D1, D2 = date(2024, 3, 4), date(2024, 3, 5)


@pytest.mark.parametrize(("taken", "is_large"), [(LARGE_BYTES - 1, False), (LARGE_BYTES, True)])
def test_is_large__of_a_run__goes_by_what_its_nights_took(tmp_path, taken, is_large):
    lake = open_lake(load_settings(home=tmp_path, profile="local"))
    run = open_run(lake, "nightly", f"nightly:{D2}", RunDates((D2,), (D2,), (D2,), D2), print)
    run.manifests[("web_events", D1)] = [{"bytes": LARGE_BYTES}]
    run.manifests[("web_events", D2)] = [{"bytes": taken - 10}, {"bytes": 4}]
    run.manifests[("crm_customers", D2)] = [{"bytes": 6}]
    assert run.is_large == is_large


def test_jvm_options__of_the_local_profile__leave_the_optimising_compiler_to_large_runs():
    settings = load_settings(profile="local")
    assert "TieredStopAtLevel=1" in session.jvm_options(settings)
    assert "TieredStopAtLevel" not in session.jvm_options(settings, is_large=True)
