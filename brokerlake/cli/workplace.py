"""What commands share: settings, the lake, days as arguments, lines of progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from brokerlake.lake import Lake
    from brokerlake.settings import Settings


@dataclass(frozen=True)
class Workplace:
    """Where the commands work: the options before the command's name."""

    home: Path | None = None
    profile: str | None = None
    conf: Path | None = None

    def settings(self) -> Settings:
        """The settings these options give."""
        from brokerlake.settings import load_settings

        return load_settings(self.home, self.profile, self.conf)

    def lake(self) -> Lake:
        """The lake of these settings."""
        from brokerlake.lake import open_lake

        return open_lake(self.settings())


class Day(click.ParamType):
    """A date as 2024-10-25."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The date; a usage error when it is none."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(value, "%Y-%m-%d").date()
        except ValueError:
            self.fail(f"{value!r} is no date like 2024-10-25", param, ctx)


def show(renderable: Any) -> None:
    """Print a rich object; without a terminal as wide as it needs to be."""
    from rich.console import Console

    console = Console()
    Console(width=None if console.is_terminal else 200).print(renderable)


def listing(columns: list[str], rows: list[tuple[Any, ...]]) -> Any:
    """A plain table for the screen."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD)
    for name in columns:
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(*(Text("-" if value is None else str(value)) for value in row))
    return shown
