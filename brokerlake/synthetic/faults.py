"""Faults planted on purpose. They are additional lines: no real row is damaged, so the books still balance.

A malformed line is a copy of a real one under a key of its own with one thing wrong; a duplicate is an exact copy
further down; a late line speaks of 1, 2 or 5 trading days before. truth/faults.parquet lists each with its outcome.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa

from brokerlake.synthetic.day_dates import DayDates
from brokerlake.synthetic.draws import stream
from brokerlake.synthetic.formats import FEEDS, FeedFormat
from brokerlake.synthetic.lines import lines_of, text_table
from brokerlake.synthetic.population import Population
from brokerlake.synthetic.writer import Part, PlantedLine

MALFORMED_CEILING = 0.005
"""Largest share of malformed lines in a file, half of a feed's usual reject limit: small files get none."""

LATE_BY = (1, 2, 5)  # trading days
SETTLED_DAYS = 12  # a late line belongs to somebody who has been a customer at least so long
Cells = dict[str, str | None]


@dataclass(frozen=True)
class Rates:
    """Shares of a feed's rows."""

    malformed: float = 0.001
    duplicate: float = 0.0003
    late: float = 0.0


RATES = {
    "trading_executions": Rates(),
    "trading_orders": Rates(),
    "trading_logins": Rates(late=0.0006),
    "crm_contacts": Rates(duplicate=0.004, late=0.01),
    "channel_clicks": Rates(malformed=0.0, duplicate=0.001, late=0.002),
    "web_events": Rates(late=0.0004),
}
MALFORMED = {
    "trading_executions": ("quantity_not_a_number", "executed_at_not_a_time", "missing_column"),
    "trading_orders": ("quantity_not_a_number", "ordered_at_not_a_time", "missing_column"),
    "trading_logins": ("logged_in_at_not_a_time", "missing_column"),
    "crm_contacts": ("started_at_not_a_time", "broken_json"),
    "channel_clicks": (),
    "web_events": (*("occurred_at_not_a_time", "broken_json", "unknown_event", "unknown_property", "wrong_type"),),
}
OUTCOMES = {"duplicate": "duplicate", "late": "kept", "unknown_property": "kept"}
"""Expected outcome by kind; every other kind is rejected."""

TIMES = {
    "trading_logins": ("logged_in_at",),
    "crm_contacts": ("started_at", "answered_at", "resolved_at"),
    "channel_clicks": ("clicked_at",),
    "web_events": ("occurred_at", "received_at"),
}
_WRONG_TYPE = '{"duration_ms":"quite long","feature_id":"home"}'
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}")


def outcome(kind: str) -> str:
    """kept, duplicate or rejected."""
    return OUTCOMES.get(kind, "rejected")


def _set(name: str, value: str) -> Callable[[Cells], Cells]:
    return lambda cells: cells | {name: value}


def _unknown_property(cells: Cells) -> Cells:
    known = (cells["properties"] or "{}")[1:-1]
    return cells | {"properties": "{" + ",".join(filter(None, [known, '"campaign_hint":"spring"'])) + "}"}


_WRONG: dict[str, Callable[[Cells], Cells]] = {
    "quantity_not_a_number": _set("quantity", "1,200 shares"),
    "executed_at_not_a_time": _set("executed_at", "2024-13-41 25:61:00"),
    "ordered_at_not_a_time": _set("ordered_at", "yesterday"),
    "logged_in_at_not_a_time": _set("logged_in_at", "0000-00-00 00:00:00"),
    "started_at_not_a_time": _set("started_at", "n/a"),
    "occurred_at_not_a_time": _set("occurred_at", "1970-01-01"),
    "unknown_event": _set("event", "shake_phone"),
    "unknown_property": _unknown_property,
    "wrong_type": lambda cells: cells | {"event": "page_view", "properties": _WRONG_TYPE},
    "missing_column": lambda cells: cells,
    "broken_json": lambda cells: cells,
}


class Faults:
    """Plants faults into the files of any day."""

    def __init__(self, population: Population, seed: int, dates: DayDates):
        self._population, self._seed, self._dates = population, seed, dates

    def planted(self, feed_name: str, name: str, rows: pa.Table, day: int) -> Part:
        """The part with its planted lines; feeds without faults come back as they are."""
        rates, size = RATES.get(feed_name), rows.num_rows
        if rates is None or not size:
            return Part(name, rows)
        draw = stream(self._seed, f"faults {feed_name} {name[-12:]}", day)
        malformed = min(int(draw.poisson(rates.malformed * size)), int(MALFORMED_CEILING * size))
        kinds = [str(kind) for kind in draw.choice(MALFORMED[feed_name], malformed)] if MALFORMED[feed_name] else []
        kinds += ["duplicate"] * int(draw.poisson(rates.duplicate * size))
        kinds += ["late"] * (int(draw.poisson(rates.late * size)) if day > SETTLED_DAYS else 0)
        lines = [self._line(feed_name, rows, day, kind, number, draw) for number, kind in enumerate(kinds)]
        return Part(name, rows, tuple(line for line in lines if line is not None))

    def _line(
        self, feed_name: str, rows: pa.Table, day: int, kind: str, number: int, draw: np.random.Generator
    ) -> PlantedLine | None:
        feed, source = FEEDS[feed_name], int(draw.integers(0, rows.num_rows))
        after = int(draw.integers(source, rows.num_rows))
        cells = text_table(rows.slice(source, 1), feed.columns).to_pylist()[0]
        if kind == "late":
            lag = int(draw.choice(LATE_BY))
            if not self._may_be_late(feed_name, rows, source, day):
                return None
            cells = self._earlier(feed_name, cells, day, lag)
        if kind not in ("duplicate", "late"):
            cells = _WRONG[kind](cells)
        if kind != "duplicate" and feed_name != "trading_logins":
            cells = cells | {feed.key[0]: f"X{number}{cells[feed.key[0]]}"}
        return _planted(feed, cells, kind, after)

    def _may_be_late(self, feed_name: str, rows: pa.Table, source: int, day: int) -> bool:
        """Clicks may always; else a settled customer's row that is no step of an order."""
        if feed_name == "channel_clicks":
            return True
        customer = rows["_customer"][source].as_py()
        if customer < 0 or self._population.opened_day[customer] >= day - SETTLED_DAYS:
            return False
        return feed_name != "web_events" or not str(rows["event"][source]).startswith("order_step")

    def _earlier(self, feed_name: str, cells: Cells, day: int, lag: int) -> Cells:
        shift = self._dates.trading_dates[day] - self._dates.trading_dates[day - lag]
        return cells | {name: _shifted(cells[name], shift) for name in TIMES[feed_name]}


def _shifted(text: str | None, back: timedelta) -> str | None:
    if text is None:
        return None
    return _DATE.sub(lambda found: (date.fromisoformat(found[0]) - back).isoformat(), text)


def _planted(feed: FeedFormat, cells: Cells, kind: str, after: int) -> PlantedLine:
    text = pa.table({name: pa.array([cells[name]], pa.string()) for name in feed.columns})
    line = lines_of(text, feed)[0].as_py()
    if kind == "broken_json":
        return PlantedLine(after, line[: len(line) * 2 // 3], kind, outcome(kind), None)
    if kind == "missing_column":
        return PlantedLine(after, line.rpartition(feed.delimiter)[0], kind, outcome(kind), None)
    key = "|".join(cells[name] or "" for name in feed.key)
    amounts = {name: Decimal(cells[name] or "0") for name in feed.control}
    return PlantedLine(after, line, kind, outcome(kind), key, amounts)
