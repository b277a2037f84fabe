"""Lines that say what a run has begun and ended, so that whoever watches it can name what is under way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

BEGUN, ENDED = ": begun", ": ended"
TASK_BEGUN, TASK_ENDED = ": started", ": finished"
"""The same of a whole task; these two are worth a line on the screen."""


@contextmanager
def working_on(tell: Callable[[str], None], what: str) -> Iterator[None]:
    """Tell that `what` is begun, and that it is ended however the block ends."""
    tell(f"{what}{BEGUN}")
    try:
        yield
    finally:
        tell(f"{what}{ENDED}")


class UnderWay:
    """What was begun and has not ended, by the lines that were told."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def hear(self, line: str, at: float) -> bool:
        """Take in a line told at that second; True when it is worth showing."""
        for ending, is_begin, is_shown in (
            (BEGUN, True, False),
            (ENDED, False, False),
            (TASK_BEGUN, True, True),
            (TASK_ENDED, False, True),
        ):
            if line.endswith(ending):
                name = line.removesuffix(ending)
                if is_begin:
                    self._since[name] = at
                else:
                    self._since.pop(name, None)
                return is_shown
        return True

    def text(self, at: float) -> str:
        """What is under way with the seconds it has taken; a task only while none of its tables is named."""
        names = list(self._since)
        inner = [name for name in names if not any(other.startswith(f"{name}: ") for other in names)]
        return ", ".join(f"{name} ({at - self._since[name]:.0f} s)" for name in inner)
