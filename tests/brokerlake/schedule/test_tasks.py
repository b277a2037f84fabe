from __future__ import annotations

from types import SimpleNamespace

from brokerlake.errors import LandingError
from brokerlake.schedule.tasks import PROGRESS_VARIABLE, cause_of, progress_of, report_failure


def test_report_failure__expected_error__one_line_on_stderr_and_in_the_progress_file(tmp_path, monkeypatch, capsys):
    told = tmp_path / "progress"
    monkeypatch.setenv(PROGRESS_VARIABLE, str(told))
    error = LandingError("crm_customers 2024-10-25: cut at line 7")
    context = {
        "task_instance": SimpleNamespace(task_id="landing"),
        "dag": SimpleNamespace(dag_id="nightly"),
        "exception": error,
    }
    report_failure(context)
    assert capsys.readouterr().err == "nightly: task landing failed: crm_customers 2024-10-25: cut at line 7\n"
    assert told.read_text() == "landing: FAILED crm_customers 2024-10-25: cut at line 7\n"


def test_report_failure__empty_context__still_says_something(capsys):
    report_failure({})
    assert "no cause given" in capsys.readouterr().err


def test_cause_of__unexpected_error__kind_and_place_but_no_message():
    assert cause_of(ValueError("first\nsecond")) == "ValueError"
    try:
        int("value of a row")
    except ValueError as raised:
        assert cause_of(raised).startswith("ValueError in test_tasks.py line ")
    assert cause_of(OSError(28, "No space left on device")) == "OSError (No space left on device)"
    wrapped = RuntimeError("feed x: cut")
    wrapped.__cause__ = LandingError("feed x: cut")
    assert cause_of(wrapped) == "feed x: cut"


def test_progress_of__several_lines__appended(tmp_path, monkeypatch):
    monkeypatch.setenv(PROGRESS_VARIABLE, str(tmp_path / "p"))
    progress_of("money")("one\ntwo")
    progress_of("money")("three")
    assert (tmp_path / "p").read_text() == "money: one two\nmoney: three\n"
