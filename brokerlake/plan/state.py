"""What is done: passed ledger rows by table and date, as of the last release plus this run's own."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow.compute as pc

from brokerlake.release.releases import Release, read_releases
from brokerlake.settings import Settings
from brokerlake.tables import ops

NO_VERSION = -1
PASSED = "passed"


def sha256(*parts: object) -> str:
    """Hex digest of the parts' text, each followed by a separator."""
    made = hashlib.sha256()
    for part in parts:
        made.update(str(part).encode())
        made.update(b"\x1f")
    return made.hexdigest()


@dataclass(frozen=True)
class Done:
    """A passed step: the version it left, its key, digest, rows and control sums.

    `known_through` is the night whose knowledge an as-of date was made with; None for tables without as-of dates.
    """

    version: int
    step_key: str
    digest: str
    row_count: int
    sums: str
    known_through: date | None = None


class LedgerState:
    """Passed steps and the version vector of a run; grows as the run goes on."""

    def __init__(
        self,
        vector: Mapping[str, int],
        done: Mapping[tuple[str, date], Done],
        known_through: Mapping[date, date] | None = None,
    ) -> None:
        self.vector: dict[str, int] = dict(vector)
        self._known_through: dict[date, date] = dict(known_through or {})
        self._by_table: dict[str, dict[date, Done]] = defaultdict(dict)
        for (table, day), row in done.items():
            self._by_table[table][day] = row
        self._prefixes: dict[str, tuple[list[date], list[str]]] = {}

    def get(self, table: str, day: date) -> Done | None:
        """The passed step of that table and date."""
        return self._by_table[table].get(day)

    def dates(self, table: str) -> list[date]:
        """Dates of the table that passed, ascending."""
        return sorted(self._by_table[table])

    def known_through(self, day: date) -> date:
        """The night whose knowledge makes an as-of date: a later one after a restatement, else the date's own."""
        return self._known_through.get(day, day)

    def know(self, days: Iterable[date], night: date) -> None:
        """From now on these as-of dates are made with what is known by `night`."""
        self._known_through.update(dict.fromkeys(days, night))

    def record(self, table: str, rows: Mapping[date, Done], version: int) -> None:
        """Take in the steps that just passed."""
        for day, row in rows.items():
            if row.known_through:
                self._known_through[day] = row.known_through
        self._by_table[table].update(rows)
        self.vector[table] = version
        self._prefixes.pop(table, None)

    def forget(self, table: str, days: Sequence[date]) -> None:
        """Drop steps that failed on their last attempt."""
        for day in days:
            self._by_table[table].pop(day, None)
        self._prefixes.pop(table, None)

    def digest_until(self, table: str, day: date, *, inclusive: bool) -> str:
        """Digest of everything of the table that passed up to `day`."""
        if table not in self._prefixes:
            days = self.dates(table)
            chain, last = [], ""
            for at in days:
                last = sha256(last, at, self._by_table[table][at].digest)
                chain.append(last)
            self._prefixes[table] = (days, chain)
        days, chain = self._prefixes[table]
        count = bisect_right(days, day) if inclusive else bisect_left(days, day)
        return chain[count - 1] if count else ""

    def last_digest(self, table: str) -> str:
        """Digest of a whole (replace_all) table as it stands."""
        days = self.dates(table)
        return self._by_table[table][days[-1]].digest if days else ""


def _as_done(row: Mapping[str, Any]) -> Done:
    known = row.get("known_through")  # a ledger of an earlier release has no such column
    return Done(row["version"], row["step_key"], row["digest"], row["row_count"], row["sums"], known)


def _bases_by_run(releases: Sequence[Release]) -> dict[str, list[Mapping[str, int]]]:
    """Per run that published: the vectors of the releases it stood on, one per publish."""
    bases: dict[str, list[Mapping[str, int]]] = defaultdict(list)
    vector: Mapping[str, int] = {}
    for release in releases:
        bases[release.run_id].append(vector)
        vector = release.vector
    return bases


@dataclass(frozen=True)
class _Published:
    """What the ledger of a release says is done, and the night whose knowledge each restated as-of date has."""

    done: Mapping[tuple[str, date], Done]
    known_through: Mapping[date, date]


_published: dict[tuple[object, ...], _Published] = {}
"""The newest release asked for: every task of a night that runs in one process stands on the same."""


def _published_steps(settings: Settings, base: Release) -> _Published:
    key = (ops.ops_path(settings, "ledger"), base.number, base.published_at)
    if key not in _published:
        found = _read_published(settings, base)
        _published.clear()
        _published[key] = found
    return _published[key]


def _read_published(settings: Settings, base: Release) -> _Published:
    done: dict[tuple[str, date], Done] = {}
    known: dict[date, date] = {}
    ledger = ops.read_ops(settings, "ledger", version=base.vector["ops.ledger"])
    bases = _bases_by_run(read_releases(settings))
    for row in ledger.filter(pc.field("verdict") == PASSED).sort_by("finished_at").to_pylist():
        stood_on = [vector.get(row["table_name"], NO_VERSION) for vector in bases.get(row["run_id"], ())]
        if row["base_version"] in stood_on:
            done[(row["table_name"], row["date"])] = passed = _as_done(row)
            if passed.known_through:
                known[row["date"]] = passed.known_through
    return _Published(done, known)


def load_state(settings: Settings, run_id: str, base: Release | None) -> tuple[LedgerState, int]:
    """The state a run starts from and the number of its next attempt.

    Counted are the rows of the base release's ledger that a release published, and this run's own rows that stand on
    the same base. Rows of a run that never came to its publish stand in that ledger too; what they made is nowhere.
    """
    published = _published_steps(settings, base) if base else _Published({}, {})
    vector = dict(base.vector) if base else {}
    state = LedgerState(vector, published.done, published.known_through)
    own = ops.read_ops(settings, "ledger").filter(pc.field("run_id") == run_id).to_pylist()
    for row in sorted(own, key=lambda row: (row["attempt"], row["finished_at"])):
        if row["base_version"] != vector.get(row["table_name"], NO_VERSION):
            continue
        if row["verdict"] == PASSED:
            state.record(row["table_name"], {row["date"]: _as_done(row)}, row["version"])
        else:
            state.forget(row["table_name"], [row["date"]])
    return state, max((row["attempt"] for row in own), default=0) + 1
