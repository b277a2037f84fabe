"""One small lake a worker: its quiet history published, busy nights landed; and what they come to undisturbed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from tests.faults import harmless, small_lake
from tests.faults.harmless import HarmlessNight
from tests.faults.small_lake import SmallLake

SEED, NIGHTS = 1, 3
Content = dict[tuple[str, date], str]


@dataclass(frozen=True)
class Undisturbed:
    """A lake before its busy nights, the same lake after the first of them, and what it then holds."""

    before: SmallLake
    ran: SmallLake
    after: Content

    @property
    def night(self) -> date:
        """The first busy night."""
        return self.before.nights[0]


@pytest.fixture(scope="session")
def undisturbed(spark, test_settings, tmp_path_factory) -> Undisturbed:
    """Read it, copy it; run nothing on it."""
    folder = tmp_path_factory.mktemp("small")
    before = small_lake.make(folder / "before", test_settings, SEED, NIGHTS)
    ran = before.copy(folder / "ran", test_settings)
    small_lake.run_night(ran.lake, ran.nights[0])
    return Undisturbed(before, ran, small_lake.content(ran.lake))


@pytest.fixture(scope="session")
def three_nights(undisturbed, test_settings, tmp_path_factory) -> SmallLake:
    """The lake after all its nights, run day by day; read it, copy it."""
    small = undisturbed.ran.copy(tmp_path_factory.mktemp("three") / "home", test_settings)
    for night in small.nights[1:]:
        small_lake.run_night(small.lake, night)
    return small


@pytest.fixture(scope="session")
def harmless_night(undisturbed, test_settings, tmp_path_factory) -> Callable[[int], HarmlessNight]:
    """By seed: the lake after a night of faults that change nothing, run once; read it."""

    @cache
    def of(seed: int) -> HarmlessNight:
        home = tmp_path_factory.mktemp(f"harmless{seed}") / "home"
        return harmless.run(undisturbed.before.copy(home, test_settings), seed)

    return of


@pytest.fixture
def copy(undisturbed, test_settings, tmp_path) -> Callable[..., SmallLake]:
    """Makes copies of the lake before its busy nights (or of another), to be damaged."""
    made: list[Path] = []

    def make(of: SmallLake | None = None) -> SmallLake:
        made.append(tmp_path / f"home{len(made)}")
        return (of or undisturbed.before).copy(made[-1], test_settings)

    return make
