"""Numbered changes of many entities, from which any day's delivery of a change feed can be cut."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brokerlake.synthetic.draws import NEVER

SNAPSHOT_EVERY = 120  # trading days
Indexes = NDArray[np.int64]


def is_snapshot_day(day: int) -> bool:
    """True on the first day of history and every SNAPSHOT_EVERY trading days after it."""
    return day % SNAPSHOT_EVERY == 0


class ChangeLog:
    """Changes in order of (day, entity); the position in that order + 1 is the change_seq.

    Whatever happened before the history counts as one change on day -1. An entity changes at most once a day.
    """

    def __init__(self, days: Indexes, entities: Indexes):
        happens = days < NEVER
        width = int(entities.max(initial=0)) + 1
        moments = np.sort((np.maximum(days[happens], -1) + 1) * width + entities[happens])
        moments = moments[np.diff(moments, prepend=-1) > 0]
        self.days, self.entities = moments // width - 1, moments % width

    def changes(self, day: int) -> tuple[Indexes, Indexes]:
        """Entity and position of each change of the day; day 0 has those of day 0 alone."""
        first, last = np.searchsorted(self.days, [day, day + 1])
        return self.entities[first:last], np.arange(first, last)

    def snapshot(self, day: int) -> tuple[Indexes, Indexes]:
        """Per entity known by the end of `day`, in order: entity and position of its last change."""
        end = int(np.searchsorted(self.days, day, side="right"))
        known, newest = np.unique(self.entities[:end][::-1], return_index=True)
        return known, end - 1 - newest
