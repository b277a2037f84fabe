"""Which night takes which delivery: known that night, never a clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Protocol

from brokerlake.errors import LandingError
from brokerlake.landing.deliveries import Delivery

Subject = tuple[str, date]
"""Feed and business date: what deliveries of several sequences are about."""


class Calendar(Protocol):
    """The part of a trading calendar that landing needs."""

    def next_or_same(self, day: date) -> date:
        """The first trading day on or after `day`."""

    def next(self, day: date) -> date:
        """The first trading day after `day`."""


def assign_nights(
    deliveries: Iterable[Delivery],
    *,
    calendar: Calendar,
    last_published: date | None,
    nights: Sequence[date],
    taken: Mapping[Subject, int] | None = None,
) -> dict[date, list[Delivery]]:
    """Per night of the run the deliveries it takes, by feed, business date and sequence; superseded ones are marked.

    The night is the first trading day on or after `delivered_on` or, when that night is published already, the next
    unpublished one. Deliveries of other nights are left where they are; every night of the run has an entry. `taken`
    holds the highest sequence that published nights took: a lower one that comes after it is superseded too.
    """
    earliest = calendar.next(last_published) if last_published else None
    assigned: dict[date, list[Delivery]] = {night: [] for night in nights}
    for delivery in sorted(deliveries, key=lambda d: d.identity):
        night = calendar.next_or_same(delivery.delivered_on)
        if earliest and night < earliest:
            night = earliest
        if night in assigned:
            assigned[night].append(delivery)
    return _mark_superseded(assigned, dict(taken or {}))


def _mark_superseded(
    assigned: Mapping[date, Sequence[Delivery]], highest: dict[Subject, int]
) -> dict[date, list[Delivery]]:
    marked: dict[date, list[Delivery]] = {}
    for night in sorted(assigned):
        late = [replace(d, is_superseded=d.sequence < highest.get(d.identity[:2], 0)) for d in assigned[night]]
        counting = {delivery.identity for delivery in split_superseded(late)[0]}
        marked[night] = [replace(d, is_superseded=d.identity not in counting) for d in late]
        for delivery in late:
            highest[delivery.identity[:2]] = max(highest.get(delivery.identity[:2], 0), full_sequence(delivery))
    return {night: marked[night] for night in assigned}


def full_sequence(delivery: Delivery) -> int:
    """The sequence with which a delivery replaces others; 0 for a replay, which replaces none."""
    return 0 if delivery.kind == "replay" else delivery.sequence


def split_superseded(deliveries: Iterable[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
    """The deliveries of one night that count, and those a higher sequence of it or of an earlier night replaces.

    A higher sequence replaces every lower one of its feed and business date, whatever that one's kind; a replay
    replaces none. Those of an earlier night are told by `is_superseded`.
    """
    groups: dict[tuple[str, date], list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        groups[delivery.feed, delivery.business_date].append(delivery)
    counting: list[Delivery] = []
    superseded: list[Delivery] = []
    for group in groups.values():
        newest = max(map(full_sequence, group))
        for delivery in sorted(group, key=lambda d: d.sequence):
            counts = delivery.sequence >= newest and not delivery.is_superseded
            (counting if counts else superseded).append(delivery)
    return counting, superseded


def check_required(feeds: Mapping[str, Mapping[str, Any]], deliveries: Iterable[Delivery], night: date) -> list[str]:
    """The optional feeds without a delivery of the night's own business date: they are stale.

    `deliveries` are those the night takes. Raises LandingError naming the required feeds that have none; a replay is
    no delivery of its date.
    """
    there = {d.feed for d in deliveries if d.business_date == night and d.kind != "replay"}
    absent = [feed for feed in feeds if feed not in there]
    missing = [feed for feed in absent if feeds[feed].get("required")]
    if missing:
        raise LandingError(f"feed {', '.join(missing)}: required_feed_missing: no delivery for night {night}")
    return absent
