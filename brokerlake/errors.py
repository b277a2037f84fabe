"""Errors a person can act on: each message is one line that names feed, file, line or table, and rule.

What other libraries say may repeat a value of a row, so of an unexpected error only its kind and place are told.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

NO_SPACE = "No space left on device"


class BrokerlakeError(Exception):
    """Base of every expected failure; the command line prints it as one line and exits non-zero."""


class ConfigurationError(BrokerlakeError):
    """A file of conf/, contracts/, expectations/ or the catalogue says something that can't be."""


class LandingError(BrokerlakeError):
    """A delivery is missing, cut, or not what its manifest says."""


class DiskError(BrokerlakeError):
    """Less of the disk is free than a night needs to begin."""


class RejectLimitError(BrokerlakeError):
    """A feed has a larger share of malformed rows than its reject limit allows."""


class ContractError(BrokerlakeError):
    """A table is not what its contract says."""


class QualityError(BrokerlakeError):
    """A critical rule failed, or the gate itself did not finish; nothing is published."""


class TotalsError(BrokerlakeError):
    """Rows or money do not reconcile between two layers."""


class PlanError(BrokerlakeError):
    """The requested run cannot be planned: a date, table or earlier night is not there."""


class ReleaseError(BrokerlakeError):
    """A release is missing, withdrawn or cannot be read."""


class LeaseError(BrokerlakeError):
    """Another run holds the lake, or this one has lost it."""


def kind_and_place(error: BaseException) -> str:
    """An unexpected error in one line, without its message: `ValueError in feed.py line 116`."""
    name = type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        name = f"{name} ({error.strerror})"
    frames = traceback.extract_tb(error.__traceback__)
    return f"{name} in {Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else name


def frames_of(error: BaseException) -> str:
    """The tracebacks of an error and of those it came from, oldest first, without their messages."""
    parts = ["Traceback, without messages: they may repeat values of a row\n"]
    for step in reversed(list(_chain(error))):
        parts += traceback.format_tb(step.__traceback__)
        parts.append(f"{type(step).__name__}\n")
    return "".join(parts)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, then what it came from, each once."""
    seen: list[BaseException] = []
    step: BaseException | None = error
    while step is not None and step not in seen:
        seen.append(step)
        yield step
        step = step.__cause__ or step.__context__


def plain_cause(crash: BaseException) -> str:
    """In a few words what an error of the system, Spark or Delta is, without row content."""
    if NO_SPACE in str(crash):
        return "no space left on the disk"
    condition = getattr(crash, "getCondition", None) or getattr(crash, "getErrorClass", None)
    name = condition() if callable(condition) else None
    return f"{type(crash).__name__}{f' [{name}]' if name else ''}; details in the log"
