"""Malformed lines planted among good ones: each with the place and the rule under which it must be filed."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tests.faults.damage import folder_of
from tests.faults.extracts import FEEDS, deliver, file_name, source_columns
from tests.faults.firm import Row
from tests.faults.small_lake import SmallLake

CELL_FAULTS: dict[str, dict[str, tuple[str, str]]] = {
    "trading_orders": {
        "quantity": ("many", "quantity_not_a_number"),
        "ordered_at": ("", "ordered_at_missing"),
        "business_kind": ("gift", "unknown_business_kind"),
        "account_id": ("A9999999999", "unknown_account"),
    },
    "trading_executions": {
        "amount": ("1e3", "amount_not_a_number"),
        "executed_at": ("2024-13-45 99:00:00", "executed_at_not_a_time"),
        "is_busted": ("perhaps", "is_busted_not_true_or_false"),
        "quantity": ("-5", "quantity_not_positive"),
    },
}
"""By feed and column: the wrong value and the rule that rejects the row."""
RAGGED, RAGGED_RULE = "ragged", "wrong_number_of_values"


@dataclass(frozen=True)
class Planted:
    """One bad line: where it stands and the rule that must say so."""

    feed: str
    line: int
    rule: str


def plant(
    small: SmallLake, feed: str, day: date, count: int, draw: random.Random, faults: Sequence[str]
) -> list[Planted]:
    """Hand the feed's delivery over again with `count` bad lines among its own; the manifest is honest about them.

    `faults` are columns of CELL_FAULTS, or RAGGED for a line with too few values.
    """
    rows, key = small.rows[day][feed], source_columns(feed)[0].name
    lines: list[tuple[Row, str]] = [(row, "") for row in rows]
    for number in range(count):
        column = draw.choice(faults)
        bad = {**draw.choice(rows), key: f"bad{number}"}
        value, rule = CELL_FAULTS[feed].get(column, ("", RAGGED_RULE))
        if column != RAGGED:
            bad[column] = value
        lines.insert(draw.randint(0, len(lines)), (bad, rule))
    _hand_over(small, feed, day, lines)
    return [Planted(feed, at, rule) for at, (_, rule) in enumerate(lines, start=2) if rule]


def _hand_over(small: SmallLake, feed: str, day: date, lines: Sequence[tuple[Row, str]]) -> None:
    """Ragged lines count as lines, and add nothing to sums and key hashes; neither do amounts that are no numbers."""
    names, delimiter = [column.name for column in source_columns(feed)], FEEDS[feed].get("delimiter", ",")
    text = [delimiter.join(names)]
    for row, rule in lines:
        cells = [row.get(name, "") for name in names]
        text.append(delimiter.join(cells[:-3] if rule == RAGGED_RULE else cells))
    data = ("\n".join(text) + "\n").encode(FEEDS[feed]["encoding"])
    summed = [_countable(row, rule) for row, rule in lines if rule != RAGGED_RULE]
    shutil.rmtree(folder_of(small, feed, day))
    files = {file_name(feed): (data, len(lines))}
    deliver(small.lake.settings.landing, feed, day, summed, files=files)


def _countable(row: Row, rule: str) -> Row:
    return {**row, "amount": ""} if rule == "amount_not_a_number" else row
