from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from datetime import UTC, date, datetime

import pyarrow.parquet as pq
import pytest
from deltalake.exceptions import DeltaError

from brokerlake.cli import main
from brokerlake.cli.application import commands
from brokerlake.cli.progress import Progress, noise_to
from brokerlake.release.releases import publish_release, read_releases
from brokerlake.settings import Settings, load_settings
from brokerlake.under_way import working_on
from tests.brokerlake.reader.conftest import lake as lake

COMMANDS = {
    "rotate-key",
    "doctor",
    "synth",
    "status",
    "plan",
    "nightly",
    "group",
    "table",
    "backfill",
    "replay",
    "restate",
    "restrict",
    "releases",
    "rollback",
    "lease",
    "maintain",
    "quality",
    "sql",
}

RANGE = ["--from", "2024-10-24", "--to", "2024-10-25"]


@pytest.fixture
def home(tmp_path) -> list[str]:
    return ["--home", str(tmp_path)]


@pytest.fixture
def at_lake(lake, monkeypatch):
    """The small published lake of the reader tests, as the commands' workplace."""
    monkeypatch.setattr("brokerlake.cli.workplace.Workplace.settings", lambda place: lake.settings)
    return lake


def publish_one(settings: Settings, night: date = date(2024, 10, 25)):
    return publish_release(
        settings,
        run_id=f"nightly:{night}",
        kind="nightly",
        night=night,
        first_date=night,
        vector={},
        public=(),
        stale_feeds={"web_events": "2024-10-24"},
    )


def test_help__every_command__has_an_example(capsys):
    assert set(commands.commands) == COMMANDS
    for name in COMMANDS:
        assert main([name, "--help"]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert f"Example: brokerlake {name}" in shown or f"Examples: brokerlake {name}" in shown


def test_help__imports__nothing_heavy_and_quick(project):
    code = (
        "import sys, time; began = time.process_time(); from brokerlake.cli import main; main(['--help']);"
        "print(time.process_time() - began, sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True)
    seconds, _, modules = done.stderr.partition(" ")
    assert float(seconds) < 0.5
    assert not [
        name for name in ("pyspark", "pandas", "pyarrow", "duckdb", "deltalake", "yaml") if f"'{name}'" in modules
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["nightly"],
        ["nightly", "--date", "25.10.2024"],
        ["plan"],
        ["nothing"],
        ["plan", "--date", "2024-10-25", "--from-table", "gold.rfm"],
    ],
)
def test_main__wrong_call__exit_code_two(arguments, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["sql", "SELECT 1"], "none is published"),
        (["rollback", "--to", "3"], "number 3"),
        (["quality"], "nothing was checked yet"),
        (["table", "gold.nothing", "--date", "2024-10-25"], "table gold.nothing: not in data_catalog.yaml"),
        (["backfill", "--from", "2024-10-25", "--to", "2024-10-24"], "is after"),
        (["backfill", *RANGE, "--from-table", "gold.nothing"], "backfill from gold.nothing: no such table"),
        (["backfill", *RANGE, "--from-table", "gold.rfm"], "gold.rfm: night 2024-10-24 is not published yet"),
        (["plan", *RANGE, "--from-table", "gold.nothing"], "backfill from gold.nothing: no such table"),
        (["plan", *RANGE, "--from-table", "gold.rfm"], "gold.rfm: night 2024-10-24 is not published yet"),
        (["nightly", "--date", "2024-10-26"], "not a trading day"),
        (["plan", "--date", "2024-10-26"], "not a trading day"),
        (["synth", "--from", "2024-10-25", "--to", "2024-10-24"], "no trading day from"),
    ],
)
def test_main__expected_error__one_line_on_stderr_and_exit_code_one(home, arguments, cause, capfd):
    assert main([*home, *arguments]) == 1
    error = capfd.readouterr().err.splitlines()
    assert len(error) == 1
    assert error[0].startswith("brokerlake: ")
    assert cause in error[0]


def test_main__unexpected_error__one_line_and_the_frames_in_a_log_without_the_message(tmp_path, monkeypatch, capsys):
    broken = tmp_path / "lake" / "ops" / "releases" / "_delta_log" / f"{0:020}.json"
    broken.parent.mkdir(parents=True)
    broken.write_text('{"protocol": {"minReaderVersion": "value of a row"}}')
    with pytest.raises(DeltaError, match="value of a row"):
        read_releases(load_settings(home=tmp_path))
    monkeypatch.setenv("BROKERLAKE_HOME", str(tmp_path))
    assert main(["releases"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("brokerlake: DeltaError in table.py line ")
    assert error.count("\n") == 1
    filed = (tmp_path / "logs" / "errors.log").read_text()
    assert "Traceback" in filed and "in read_releases" in filed and "value of a row" not in error + filed


def test_status_and_releases__one_published__what_is_served_and_what_is_missing(tmp_path, home, capsys):
    assert main([*home, "status"]) == 0
    assert "nothing is published yet" in capsys.readouterr().out
    publish_one(load_settings(home=tmp_path))
    assert main([*home, "status"]) == 0
    out = capsys.readouterr().out
    assert "serving release 1: night 2024-10-25" in out
    assert "stale: web_events, last delivered 2024-10-24" in out
    assert "next night 2024-10-28: 0 of" in out
    assert "required: " in out
    assert main([*home, "releases"]) == 0
    assert "nightly" in capsys.readouterr().out


def test_rollback__earlier_release__served_as_a_new_one(tmp_path, home, capsys):
    settings = load_settings(home=tmp_path)
    for day in (24, 25):
        publish_one(settings, date(2024, 10, day))
    assert main([*home, "rollback", "--to", "1"]) == 0
    assert "release 3 serves what release 1 served: night 2024-10-24" in capsys.readouterr().out


def publish_with_ledger(settings: Settings, night: date) -> None:
    """A release on which a run can stand."""
    from brokerlake.release.releases import publish_release
    from brokerlake.tables.ops import append_ops, as_table

    version = append_ops(settings, "ledger", as_table("ledger", [{"table_name": "t", "verdict": "failed"}]), {})
    publish_release(
        settings, run_id="nightly:x", kind="nightly", night=night, first_date=night, vector={"ops.ledger": version},
        public=(), stale_feeds={},
    )  # fmt: skip


@pytest.mark.parametrize("command", ["plan", "backfill"])
def test_range__before_the_lakes_first_night__one_line_that_rows_can_come_late(tmp_path, home, command, capfd):
    publish_with_ledger(load_settings(home=tmp_path), date(2024, 10, 25))
    assert main([*home, command, *RANGE]) == 1
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert "night 2024-10-24 is before 2024-10-25, the first of this lake" in error
    assert "their rows can come late" in error


def test_plan__range_from_a_table__only_it_and_what_is_made_from_it(tmp_path, home, capsys):
    from brokerlake.lake import open_lake

    settings = load_settings(home=tmp_path)
    publish_with_ledger(settings, date(2024, 10, 25))
    assert main([*home, "plan", "--from", "2024-10-25", "--to", "2024-10-25", "--from-table", "gold.tag_values"]) == 0
    out = capsys.readouterr().out
    shown = [line.split()[0] for line in out.splitlines() if line.strip().startswith(("bronze.", "silver.", "gold."))]
    assert shown == ["gold.tag_values", *open_lake(settings).catalogue.downstream("gold.tag_values")]
    assert f"{len(shown)} tables to run, 0 to skip" in out


def check_row(rule: str, passed: bool, severity: str, minute: int) -> dict:
    return {
        "run_id": "nightly:2024-10-25", "night": date(2024, 10, 25), "table_name": "silver.fills", "version": 1,
        "rule_id": rule, "kind": "suite", "severity": severity, "passed": passed, "failed_rows": 0 if passed else 3,
        "checked_rows": 9, "sentence": f"{rule} holds", "measured_at": datetime(2024, 10, 25, 14, minute, tzinfo=UTC),
    }  # fmt: skip


def file_checks(tmp_path, *rows: dict) -> None:
    from brokerlake.tables.ops import append_ops, as_table

    append_ops(load_settings(home=tmp_path), "quality_results", as_table("quality_results", list(rows)), {})


def test_quality__a_critical_rule_failed__named_and_exit_code_one(tmp_path, home, capsys):
    file_checks(tmp_path, check_row("a", True, "critical", 1), check_row("b", False, "critical", 1))
    file_checks(tmp_path, check_row("c", False, "warning", 1))
    assert main([*home, "quality"]) == 1
    out = capsys.readouterr().out
    assert "critical: silver.fills: b: b holds" in out
    assert "night 2024-10-25: 3 checks, 1 critical and 1 warnings failed" in out


def test_quality__passed_when_measured_again__the_newest_counts(tmp_path, home, capsys):
    file_checks(tmp_path, check_row("b", True, "critical", 9), check_row("b", False, "critical", 1))
    assert main([*home, "quality", "--date", "2024-10-25"]) == 0
    assert "1 checks, 0 critical" in capsys.readouterr().out


def test_sql__formats__csv_guarded_json_parquet(at_lake, tmp_path, capsys):
    query = "SELECT remark, as_of_date FROM gold.people ORDER BY as_of_date"
    assert main(["sql", query, "--format", "csv"]) == 0
    assert capsys.readouterr().out == "remark,as_of_date\n'=cmd(),2024-03-04\nplain,2024-03-05\n"
    assert main(["sql", query, "--format", "json", "--release", "1"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"remark": "=cmd()", "as_of_date": "2024-03-04"}]
    assert main(["sql", query, "--format", "parquet", "--output", str(tmp_path / "x.parquet")]) == 0
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 2
    assert main(["sql", "SHOW TABLES"]) == 0
    assert "One row per fill_id" in capsys.readouterr().out


def test_progress__nothing_said__beats_by_itself(capsys):
    with Progress(beat=0.1) as tell:
        tell("silver.events")
        time.sleep(0.5)
    out = capsys.readouterr().out
    assert "silver.events\n" in out
    assert "... still at it: silver.events" in out


def test_progress__something_begun__is_named_until_it_ends(capsys):
    with Progress(beat=0.1, idle="between two tasks") as tell:
        tell("trading: started")
        with working_on(tell, "trading: silver.balances"):
            tell("trading: silver.positions: 7 rows")
            time.sleep(0.3)
        time.sleep(0.3)
        tell("trading: finished")
        time.sleep(0.3)
    said = [line.split(" s  ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert [line for line in said if not line.startswith("...")] == [
        "trading: started",
        "trading: silver.positions: 7 rows",
        "trading: finished",
    ]
    beats = [re.sub(r" \(\d+ s\)$", "", line) for line in said if line.startswith("...")]
    assert list(dict.fromkeys(beats)) == [
        "... still at it: trading: silver.balances",
        "... still at it: trading",
        "... still at it: between two tasks",
    ]


def test_noise_to__what_a_child_writes_to_stderr__goes_to_the_log(tmp_path, capfd):
    with noise_to(tmp_path / "logs" / "x.log"):
        subprocess.run([sys.executable, "-c", "import sys; sys.stderr.write('noise')"], check=True)
    sys.stderr.write("heard\n")
    assert (tmp_path / "logs" / "x.log").read_text() == "noise"
    assert capfd.readouterr().err == "heard\n"


def test_long_command__expected_error__is_not_lost_in_the_log(home, capfd):
    assert main([*home, "nightly", "--date", "2024-10-25"]) == 1
    (error,) = capfd.readouterr().err.splitlines()
    assert error.startswith("brokerlake: feed trading_accounts, ")
    assert error.endswith("required_feed_missing: no delivery for night 2024-10-25")
