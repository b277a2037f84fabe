"""Risk tests: on which trading days each customer takes them, and how the level moves.

A test holds for two years. Most renew it when it ends, some late; one in ten takes it early to be allowed more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brokerlake.synthetic.draws import hashed_uniform

TURNS = (1, 2, 3, 4, 5)
"""Tests after the one in force at the beginning; enough for history and future."""

HIGHEST_LEVEL = 5
_VALID_DAYS = 480  # two years
_EARLY_SHARE = 0.10
_UP, _DOWN = (0.15, 0.65), (0.09, 0.0)  # chances when due and when early: about 20 % up and 8 % down in all
Indexes = NDArray[np.int64]


def first_test_days(seed: int, opened: Indexes) -> Indexes:
    """Day of the newest test at the beginning: at opening, or within two years before the history."""
    customer = np.arange(len(opened), dtype=np.int64)
    recent = -1 - (hashed_uniform(seed, "risk-first", customer) * 520).astype(np.int64)
    return np.where(opened < -_VALID_DAYS, recent, opened)


def _is_early(seed: int, turn: int, customer: Indexes) -> NDArray[np.bool_]:
    return hashed_uniform(seed, f"risk-early-{turn}", customer) < _EARLY_SHARE


def next_test_days(seed: int, turn: int, before: Indexes) -> Indexes:
    """Day of the test that follows those of the days `before`, one entry per customer."""
    customer = np.arange(len(before), dtype=np.int64)
    luck = hashed_uniform(seed, f"risk-late-{turn}", customer)
    late = _VALID_DAYS + np.floor(luck**4 * 200).astype(np.int64)
    early = 40 + np.floor(luck * 400).astype(np.int64)
    return before + np.where(_is_early(seed, turn, customer), early, late)


def level_moves(seed: int, turn: int, customer: Indexes) -> Indexes:
    """-1, 0 or 1 per customer: what that test does to the level."""
    early = _is_early(seed, turn, customer).astype(np.int64)
    luck = hashed_uniform(seed, f"risk-move-{turn}", customer)
    up, down = np.array(_UP)[early], np.array(_DOWN)[early]
    return (luck < up).astype(np.int64) - (luck >= 1 - down)
