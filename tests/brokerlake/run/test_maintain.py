"""Half a year of nights with weekly upkeep: files and log stay bounded, the last 30 releases stay readable.

The nights are commits and releases by the runner's own write path, without Spark. Nothing is kept for its age here, so
what stays readable does so because a release pins it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from deltalake import DeltaTable

from brokerlake.cli import main
from brokerlake.errors import PlanError
from brokerlake.lake import Lake, open_lake
from brokerlake.reader import open_release
from brokerlake.release.releases import Release, publish_release, read_releases, rollback
from brokerlake.run.maintain import Rules, Upkeep, maintain
from brokerlake.settings import load_settings
from brokerlake.tables import delta_files, ops
from brokerlake.tables.housekeeping import LEAST_LOG_ENTRIES
from tests.e2e.nights import say_nothing
from tests.rows import arrow_rows

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("half_year")]
FLOWS, CUSTOMERS = "silver.cash_flows", "silver.customers"
TABLES = (FLOWS, CUSTOMERS)
NIGHTS, WEEK = 125, 5
RULES = Rules(releases=30, days=0, files=6)


@dataclass
class HalfYear:
    """The lake after its nights.

    Attributes:
        rows: what a release showed when it was published, by release number and table.
        weeks: after each upkeep, by table: spare data files and log entries on disk.
    """

    lake: Lake
    rows: dict[int, dict[str, list]]
    weeks: list[dict[str, tuple[int, int]]]


def _content(lake: Lake, table: str, version: int) -> list:
    rows = DeltaTable(lake.settings.table_path(table), version=version).to_pyarrow_table()
    return sorted(map(str, rows.select([c for c in rows.column_names if c != "_row_hash"]).to_pylist()))


def _write(lake: Lake, table: str, version: int | None, day: date, number: int) -> int:
    """One commit of a night; every tenth night in as many files as get merged."""
    path, contract = lake.settings.table_path(table), lake.contract(table)
    delta_files.prepare(path, contract, version)
    if table == CUSTOMERS:
        rows = arrow_rows(table, [{"customer_no": f"c{n}", "occupation": f"night {number}"} for n in range(3)])
        return delta_files.replace(path, rows, None, {"night": day})
    parts = [
        arrow_rows(table, [{"flow_id": f"f{number}-{part}", "amount": number, "_delivered_on": day}])
        for part in range(RULES.files if number % 10 == 0 else 1)
    ]
    written = delta_files.replace(path, parts[0], f"_delivered_on IN ('{day}')", {"night": day})
    for part in parts[1:]:
        written = delta_files.append(path, part, {"night": day})
    return written


def _night(lake: Lake, day: date, number: int) -> Release:
    settings, releases = lake.settings, read_releases(lake.settings)
    vector = dict(releases[-1].vector) if releases else {}
    for table in TABLES:
        if number % 5 == 0 and table in vector:  # a head that nobody publishes, and a file no commit knows
            _write(lake, table, vector[table], day, number)
            (settings.table_path(table) / f"part-{number}.parquet").write_bytes(b"left by a killed writer")
        vector[table] = _write(lake, table, vector.get(table), day, number)
    row = {"run_id": f"nightly:{day}", "table_name": FLOWS, "date": day, "verdict": "passed"}
    vector["ops.ledger"] = ops.append_ops(settings, "ledger", ops.as_table("ledger", [row]), {})
    ops.append_ops(settings, "quality_results", ops.as_table("quality_results", [{"night": day}]), {})
    return publish_release(
        settings, run_id=f"nightly:{day}", kind="nightly", night=day, first_date=day, vector=vector,
        public=TABLES, stale_feeds={},
    )  # fmt: skip


def _spare_on_disk(lake: Lake, path: Path) -> tuple[int, int]:
    table = DeltaTable(path)
    return len(list(path.rglob("*.parquet"))) - len(table.file_uris()), len(list((path / "_delta_log").iterdir()))


@pytest.fixture(scope="module")
def half_year(tmp_path_factory) -> HalfYear:
    lake = open_lake(load_settings(home=tmp_path_factory.mktemp("half_year")))
    made = HalfYear(lake, {}, [])
    days = lake.calendar.between(date(2024, 1, 2), date(2024, 12, 31))[:NIGHTS]
    for number, day in enumerate(days, 1):
        _night(lake, day, number)
        if number % WEEK == 0:
            maintain(lake, RULES, say_nothing)
            paths = {**{t: lake.settings.table_path(t) for t in TABLES}}
            paths |= {f"ops.{n}": ops.ops_path(lake.settings, n) for n in ("ledger", "quality_results", "releases")}
            made.weeks.append({name: _spare_on_disk(lake, path) for name, path in paths.items()})
        for release in read_releases(lake.settings):
            if release.number not in made.rows:
                made.rows[release.number] = {t: _content(lake, t, release.vector[t]) for t in TABLES}
    return made


def test_maintain__half_a_year_of_weeks__files_and_log_do_not_grow(half_year):
    weeks = half_year.weeks
    assert len(weeks) == NIGHTS // WEEK
    for table in weeks[0]:
        spare_files, log_entries = zip(*(week[table] for week in weeks), strict=True)
        settled = len(weeks) // 2
        assert max(spare_files[settled:]) <= max(spare_files[:settled]) + WEEK, table
        assert max(log_entries[settled:]) <= max(log_entries[:settled]) + LEAST_LOG_ENTRIES, table
        assert max(log_entries) < 4 * RULES.releases, table
    assert weeks[-1]["ops.ledger"][0] <= 2 * RULES.releases
    for table in TABLES:
        assert not list(half_year.lake.settings.table_path(table).glob("part-?.parquet"))


def test_maintain__small_files__are_merged_and_published_with_the_same_rows(half_year):
    merges = [release for release in read_releases(half_year.lake.settings) if release.kind == "maintenance"]
    assert len(merges) >= NIGHTS // 10
    for release in merges:
        assert half_year.rows[release.number] == half_year.rows[release.number - 1]
        assert release.note == f"the rows of release {release.number - 1}, in fewer files"
    table = DeltaTable(half_year.lake.settings.table_path(FLOWS))
    assert len(table.file_uris()) < NIGHTS + RULES.files


def test_maintain__the_last_30_releases__are_read_as_they_were_published(half_year):
    lake = half_year.lake
    for release in read_releases(lake.settings)[-RULES.releases :]:
        found = {table: _content(lake, table, release.vector[table]) for table in TABLES}
        assert found == half_year.rows[release.number], release.number
        assert ops.read_ops(lake.settings, "ledger", version=release.vector["ops.ledger"]).num_rows > 0
    oldest = read_releases(lake.settings)[-RULES.releases]
    connection = open_release(lake.settings, oldest.number).duckdb()
    assert connection.execute(f"SELECT count(*) FROM {CUSTOMERS}").fetchone() == (3,)


def test_maintain__a_release_before_the_last_30__is_gone(half_year):
    lake = half_year.lake
    old = read_releases(lake.settings)[-RULES.releases - 40]
    with pytest.raises(Exception, match="No files in log segment"):
        _content(lake, CUSTOMERS, old.vector[CUSTOMERS])


@pytest.mark.spark
def test_maintain__oldest_pinned_release__is_read_by_spark(half_year, spark):
    lake = half_year.lake
    oldest = read_releases(lake.settings)[-RULES.releases]
    released = open_release(lake.settings, oldest.number)
    assert released.spark(spark, CUSTOMERS).count() == 3
    assert released.spark(spark, FLOWS).count() == len(half_year.rows[oldest.number][FLOWS])


def test_maintain__then_a_rollback_to_the_oldest_pinned_release__and_a_night_on_it(half_year):
    lake = half_year.lake
    oldest = read_releases(lake.settings)[-RULES.releases]
    back = rollback(lake.settings, oldest.number)
    after = _night(lake, lake.calendar.next(oldest.night), NIGHTS + 1)
    assert after.number == back.number + 1
    found, before = _content(lake, FLOWS, after.vector[FLOWS]), half_year.rows[oldest.number][FLOWS]
    assert len(set(found) - set(before)) == 1


@pytest.fixture
def young(tmp_path) -> Lake:
    """A lake of nine nights without upkeep."""
    lake = open_lake(load_settings(home=tmp_path))
    for number, day in enumerate(lake.calendar.between(date(2024, 1, 2), date(2024, 1, 12)), 1):
        _night(lake, day, number)
    return lake


def _on_disk(lake: Lake) -> dict[str, int]:
    """Time of change by file, without the lease's own."""
    files = [file for file in lake.settings.home.rglob("*") if file.is_file() and file.parent.name != "_lease"]
    return {str(file): file.stat().st_mtime_ns for file in files}


def test_maintain__dry_run__changes_nothing_and_says_what_the_real_one_removes(young):
    rules = Rules(releases=2, days=0, files=99)
    before = _on_disk(young)
    told = maintain(young, rules, say_nothing, dry_run=True)
    assert _on_disk(young) == before
    assert sum(row.removed_files for row in told) > 0
    assert maintain(young, rules, say_nothing) == told
    assert set(_on_disk(young)) < set(before)


def test_maintain_command__dry_run_then_in_earnest__says_it_by_table_and_in_one_line(young, capsys):
    conf = young.settings.home / "conf"
    conf.mkdir()
    (conf / "base.yaml").write_text("maintenance: {keep_releases: 2, keep_days: 0, merge_from_files: 99}\n")
    shutil.copy(young.settings.project / "conf" / "feeds.yaml", conf)
    at_home = ["--home", str(young.settings.home), "--conf", str(conf), "maintain"]
    assert main([*at_home, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "silver.customers" in told
    (line,) = [line for line in told.splitlines() if "to remove" in line]
    assert line.startswith("5 tables: 0 to merge, ")
    assert main(at_home) == 0
    (done,) = [line for line in capsys.readouterr().out.splitlines() if "removed" in line]
    assert done == line.replace("to merge", "merged").replace("to remove", "removed")


def test_maintain__everything_younger_than_the_days_to_keep__stays(young):
    before = set(_on_disk(young))
    done = maintain(young, Rules(releases=1, days=75, files=99), say_nothing)
    assert before <= set(_on_disk(young))
    assert {(row.removed_files, row.removed_log_entries) for row in done} == {(0, 0)}


def test_maintain__version_a_run_has_written_since_the_release__stays_readable(young):
    release = read_releases(young.settings)[-1]
    day = young.calendar.next(release.night)
    version = _write(young, FLOWS, release.vector[FLOWS], day, 1)
    maintain(young, Rules(releases=1, days=0, files=99), say_nothing)
    assert len(_content(young, FLOWS, version)) == len(_content(young, FLOWS, release.vector[FLOWS])) + 1


def test_maintain__nothing_published__refused(tmp_path):
    with pytest.raises(PlanError, match="nothing is published yet"):
        maintain(open_lake(load_settings(home=tmp_path)), RULES, say_nothing)


def test_upkeep__tables__are_all_of_the_lake_and_ops(young):
    done: list[Upkeep] = maintain(young, Rules(releases=1, days=75, files=99), say_nothing)
    assert [row.table for row in done] == ["ops.ledger", "ops.quality_results", "ops.releases", *sorted(TABLES)]
