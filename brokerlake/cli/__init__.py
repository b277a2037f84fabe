"""The command line. Modules of this package import click alone; everything else when a command runs."""

from brokerlake.cli.application import main

__all__ = ["main"]
