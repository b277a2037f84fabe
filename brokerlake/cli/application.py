"""`brokerlake`: the commands, and what happens when one fails."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from brokerlake import __version__
from brokerlake.cli.checks import doctor, quality
from brokerlake.cli.corrections import replay, restate, restrict
from brokerlake.cli.history import releases, rollback, status
from brokerlake.cli.keys import rotate_key
from brokerlake.cli.lease import lease
from brokerlake.cli.maintain import maintain
from brokerlake.cli.query import sql
from brokerlake.cli.runs import backfill, group, nightly, plan, table
from brokerlake.cli.synth import synth
from brokerlake.cli.workplace import Workplace
from brokerlake.errors import BrokerlakeError, frames_of, kind_and_place

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
    lease,
    maintain,
    quality,
    sql,
    rotate_key,
):
    commands.add_command(command)


def _file_traceback(unexpected: BaseException) -> str:
    """Append the frames of the error to logs/errors.log; where that is, for the message."""
    try:
        path = Workplace().settings().logs / "errors.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {sys.argv[1:]}\n{frames_of(unexpected)}\n")
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
        print(f"brokerlake: {kind_and_place(unexpected)} ({_file_traceback(unexpected)})", file=sys.stderr)
    return 1
