"""`brokerlake`: the commands, and what happens when one fails."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from brokerlake import __version__
from brokerlake.cli.checks import doctor, quality
from brokerlake.cli.corrections import replay, restate, restrict
from brokerlake.cli.history import releases, rollback, status
from brokerlake.cli.query import sql
from brokerlake.cli.runs import backfill, group, nightly, plan, table
from brokerlake.cli.synth import synth
from brokerlake.cli.workplace import Workplace
from brokerlake.errors import BrokerlakeError

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="Folder the lake lives under.")
@click.option("--profile", help="local, standalone or cluster.")
@click.option("--conf", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Another conf/ folder.")
@click.version_option(__version__, prog_name="brokerlake")
@click.pass_context
def commands(context: click.Context, home: Path | None, profile: str | None, conf: Path | None) -> None:
    """A broker's nightly extracts, made into customer knowledge and published as releases."""
    context.obj = Workplace(home, profile, conf)


for command in (
    doctor,
    synth,
    status,
    plan,
    nightly,
    group,
    table,
    backfill,
    replay,
    restate,
    restrict,
    releases,
    rollback,
    quality,
    sql,
):
    commands.add_command(command)


def _file_traceback(workplace: Workplace | None) -> str:
    """Append the traceback to logs/errors.log; where it is, for the message."""
    try:
        path = (workplace or Workplace()).settings().logs / "errors.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {sys.argv[1:]}\n{traceback.format_exc()}\n")
    except (OSError, BrokerlakeError):
        return "no log could be written"
    return f"the traceback is in {path}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it did its work, 1 after one line on standard error, 2 for a wrong call."""
    try:
        result = commands.main(args=arguments, prog_name="brokerlake", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("brokerlake: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokerlakeError as error:
        print(f"brokerlake: {error}", file=sys.stderr)
    except BrokenPipeError:
        return 0
    except Exception as unexpected:
        first = next(iter(str(unexpected).strip().splitlines()), "no message")
        print(f"brokerlake: {type(unexpected).__name__}: {first} ({_file_traceback(None)})", file=sys.stderr)
    return 1
