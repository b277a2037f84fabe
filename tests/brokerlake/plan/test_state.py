"""What counts as done: the ledger of the base release, plus this run's own rows on the same base."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from brokerlake.plan.state import Done, LedgerState, load_state
from brokerlake.release.releases import current_release, publish_release
from brokerlake.settings import load_settings
from brokerlake.tables import delta_files, ops

D1, D2 = date(2024, 3, 4), date(2024, 3, 5)


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path)


def _append(settings, run_id, day, version, verdict="passed", base=-1, attempt=1, at=0, table="silver.t"):
    row = {
        "run_id": run_id, "attempt": attempt, "table_name": table, "date": day, "base_version": base,
        "version": version, "step_key": f"k{version}", "row_count": 1, "digest": f"d{version}", "sums": "{}",
        "verdict": verdict, "cpu_seconds": 0.0, "wall_seconds": 0.0,
        "finished_at": datetime(2024, 3, 5, tzinfo=UTC) + timedelta(seconds=at),
    }  # fmt: skip
    ops.append_ops(settings, "ledger", ops.as_table("ledger", [row]), {})


def _publish(settings, version):
    ledger = delta_files.head(ops.ops_path(settings, "ledger"))
    return publish_release(
        settings, run_id="nightly:1", kind="nightly", night=D1, first_date=D1, public=(), stale_feeds={},
        vector={"silver.t": version, "ops.ledger": ledger},
    )  # fmt: skip


def test_load_state__passed_row_of_this_run__is_done_and_moves_the_vector(settings):
    _append(settings, "nightly:1", D1, 3)
    state, attempt = load_state(settings, "nightly:1", None)
    assert state.get("silver.t", D1).version == 3
    assert state.vector == {"silver.t": 3}
    assert attempt == 2


def test_load_state__row_of_another_unpublished_run__does_not_count(settings):
    _append(settings, "nightly:1", D1, 3)
    state, _ = load_state(settings, "nightly:2", None)
    assert state.get("silver.t", D1) is None


def test_load_state__failed_after_passed__is_not_done(settings):
    _append(settings, "nightly:1", D1, 3)
    _append(settings, "nightly:1", D1, None, verdict="failed", attempt=2, at=5)
    state, _ = load_state(settings, "nightly:1", None)
    assert state.get("silver.t", D1) is None


def test_load_state__own_row_on_another_base__does_not_count(settings):
    _append(settings, "nightly:1", D1, 3)
    release = _publish(settings, 3)
    _append(settings, "nightly:2", D2, 4, base=99, at=9)
    state, _ = load_state(settings, "nightly:2", release)
    assert state.get("silver.t", D2) is None
    assert state.get("silver.t", D1).version == 3


def test_load_state__next_release_in_the_same_process__is_read_anew(settings):
    _append(settings, "nightly:1", D1, 3)
    load_state(settings, "nightly:2", _publish(settings, 3))
    _append(settings, "nightly:1", D2, 4, base=3, at=5)
    state, _ = load_state(settings, "nightly:2", _publish(settings, 4))
    assert (state.get("silver.t", D1).version, state.get("silver.t", D2).version) == (3, 4)


def test_load_state__row_of_a_run_that_failed_before_another_published__does_not_count(settings):
    _append(settings, "nightly:1", D1, 3)
    _publish(settings, 3)
    _append(settings, "nightly:2", D2, 4, base=3, at=5)
    _append(settings, "nightly:1", D1, 5, base=3, at=9)
    release = _publish(settings, 5)
    state, _ = load_state(settings, "nightly:2", release)
    assert state.get("silver.t", D2) is None
    assert state.get("silver.t", D1).version == 5


def test_load_state__attempt_of_a_published_run_on_another_base__does_not_count(settings):
    _append(settings, "nightly:1", D1, 3)
    _publish(settings, 3)
    _append(settings, "nightly:1", D2, 4, base=3, at=5)
    publish_release(
        settings, run_id="rollback:1", kind="rollback", night=D1, first_date=D1, public=(), stale_feeds={},
        vector={"silver.t": 3, "ops.ledger": delta_files.head(ops.ops_path(settings, "ledger"))},
    )  # fmt: skip
    state, _ = load_state(settings, "backfill:x", current_release(settings))
    assert state.get("silver.t", D2) is None
    assert state.get("silver.t", D1).version == 3


def test_load_state__rows_behind_the_release__are_not_read(settings):
    _append(settings, "nightly:1", D1, 3)
    release = _publish(settings, 3)
    _append(settings, "backfill:x", D1, 9, base=3, at=9)
    state, _ = load_state(settings, "nightly:2", release)
    assert state.vector["silver.t"] == 3


def test_digest_until__later_date__does_not_change_an_earlier_prefix():
    state = LedgerState({}, {("silver.t", D1): Done(1, "k", "d1", 1, "{}")})
    before = state.digest_until("silver.t", D1, inclusive=True)
    state.record("silver.t", {D2: Done(2, "k", "d2", 1, "{}")}, 2)
    assert state.digest_until("silver.t", D1, inclusive=True) == before
    assert state.digest_until("silver.t", D2, inclusive=False) == before
    assert state.digest_until("silver.t", D2, inclusive=True) != before
