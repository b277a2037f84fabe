"""The interactive SQL shell: statements end with `;`, the history lives in a file."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from brokerlake.errors import BrokerlakeError
from brokerlake.reader.formats import as_table
from brokerlake.reader.queries import run_query
from brokerlake.reader.released import ReleasedTables

HISTORY_LINES = 2000
HELP = """SHOW TABLES;                       tables with descriptions, rows and dates
DESCRIBE gold.customer_360;        columns of a table
SELECT * FROM brokerlake.releases; what was published when
FROM brokerlake.pending_restatements;  what came late and changes past dates
.help  .quit                       (or Ctrl-D)"""


def use_history(path: Path) -> None:
    """Keep typed lines in `path` where readline exists; the file is for its owner alone."""
    try:
        import readline
    except ImportError:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    path.touch(mode=0o600)
    readline.set_history_length(HISTORY_LINES)

    import atexit

    atexit.register(readline.write_history_file, path)


def _complete(released: ReleasedTables) -> None:
    try:
        import readline
    except ImportError:
        return
    words = [
        *released.readable,
        "brokerlake.tables",
        "brokerlake.releases",
        "brokerlake.pending_restatements",
        "SELECT",
        "FROM",
        "WHERE",
        "DESCRIBE",
    ]

    def find(text: str, state: int) -> str | None:
        found = [word for word in words if word.lower().startswith(text.lower())]
        return found[state] if state < len(found) else None

    readline.set_completer_delims(" \t\n(),;")
    readline.set_completer(find)
    readline.parse_and_bind("tab: complete")


def _statements(read: Callable[[str], str], number: int):
    """Statements as they are typed; a line that begins with a dot is a command, an empty one is nothing."""
    lines: list[str] = []
    while True:
        try:
            line = read(f"release {number}> " if not lines else "      ...> ")
        except EOFError:
            return
        except KeyboardInterrupt:
            print()
            lines = []
            continue
        if not lines and line.strip().startswith("."):
            yield line.strip()
            continue
        lines.append(line)
        text = "\n".join(lines).strip()
        if text.endswith(";") or not text:
            lines = []
            if text:
                yield text


def run_shell(released: ReleasedTables, console: Any, read: Callable[[str], str] = input) -> None:
    """Read statements and show their rows until the end of input; an error is one line, and the shell goes on."""
    release = released.release
    _complete(released)
    console.print(f"Release {release.number}, night {release.night}: {len(released.readable)} tables. .help for help.")
    connection = released.duckdb()
    for text in _statements(read, release.number):
        if text in (".quit", ".exit"):
            return
        if text.startswith("."):
            console.print(HELP, markup=False)
            continue
        try:
            console.print(as_table(run_query(connection, text)))
        except BrokerlakeError as error:
            print(error, file=sys.stderr)
        except KeyboardInterrupt:
            connection.interrupt()
