from __future__ import annotations

import io
import stat

from rich.console import Console

from brokerlake.reader import open_release
from brokerlake.reader.shell import run_shell, use_history


def typed(*lines: str):
    waiting = iter(lines)

    def read(prompt: str) -> str:
        try:
            return next(waiting)
        except StopIteration:
            raise EOFError from None

    return read


def run(lake, *lines: str) -> str:
    out = io.StringIO()
    run_shell(open_release(lake.settings), Console(file=out, width=200), typed(*lines))
    return out.getvalue()


def test_run_shell__statement_over_two_lines__runs_at_the_semicolon(lake):
    out = run(lake, "SELECT count(*) AS fills", "FROM silver.fills;")
    assert "Release 2, night 2024-03-05" in out
    assert "fills" in out
    assert "3" in out.split("fills")[-1]


def test_run_shell__error__one_line_and_the_shell_goes_on(lake, capsys):
    out = run(lake, "SELECT nope FROM gold.people;", "", "SELECT 42 AS answer;", ".help", ".quit", "SELECT 7 AS no;")
    assert capsys.readouterr().err.count("\n") == 1
    assert "42" in out
    assert "SHOW TABLES" in out
    assert "7" not in out.split("SHOW TABLES")[1].split("Ctrl-D")[1]


def test_use_history__file_is_private(tmp_path):
    use_history(tmp_path / "deep" / "history")
    assert stat.S_IMODE((tmp_path / "deep" / "history").stat().st_mode) == 0o600
