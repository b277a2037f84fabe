"""Step keys: the hash of everything a step's output can depend on. Same key and passed means skip."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from modulefinder import ModuleFinder
from pathlib import Path

from brokerlake.catalog import Input, Table
from brokerlake.lake import Lake
from brokerlake.plan.dates import DELIVERED, is_as_of
from brokerlake.plan.state import LedgerState, sha256
from brokerlake.privacy.restrictions import leaves_out_persons


def _imported_jobs(path: Path, project: Path) -> set[Path]:
    """Files of jobs/ a module imports, read off its bytecode: `ast` is not safe in threads before Python 3.12."""
    code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    found: set[Path] = set()
    for kind, what in ModuleFinder().scan_opcodes(code):
        if kind == "absolute_import":
            members, module = what
            for name in (module, *(f"{module}.{member}" for member in members or ())):
                file = project.joinpath(*name.split(".")).with_suffix(".py")
                if name.startswith("jobs.") and file.exists():
                    found.add(file)
    return found


@cache
def code_hash(path: Path, project: Path) -> str:
    """Hash of a module's text and of everything it imports inside jobs/."""
    todo, seen = [path], set()
    while todo:
        file = todo.pop()
        if file not in seen:
            seen.add(file)
            todo.extend(_imported_jobs(file, project))
    return sha256(*(f"{file.relative_to(project)}\n{file.read_text(encoding='utf-8')}" for file in sorted(seen)))


@cache
def _text_hash(path: Path) -> str:
    return sha256(path.read_text(encoding="utf-8")) if path.exists() else ""


class StepKeys:
    """Keys of the steps of one run."""

    def __init__(
        self,
        lake: Lake,
        state: LedgerState,
        deliveries: Mapping[tuple[str, date], str],
        restricted: Sequence[str] = (),
    ) -> None:
        self.lake = lake
        self.restricted = tuple(restricted)
        self.state = state
        self.deliveries = deliveries
        self._fixed: dict[str, str] = {}
        self._conf: dict[str, str] = {}
        self._calendar = sha256(lake.calendar.name, lake.calendar.first, *lake.calendar.days)

    def of(self, table: Table, day: date) -> str:
        """The key of (table, date) with what is known now."""
        if table.feed is not None:
            return sha256(self._fixed_part(table), self.deliveries.get((table.feed, day), ""))
        knows = self._knowledge(table, day)
        parts = [self._input_part(table, entry, day, max(knows.values())) for entry in table.inputs]
        later = [f"{at} known through {night}" for at, night in knows.items() if night != at]
        left_out = self.restricted if leaves_out_persons(table, self.lake.contract(table.name)) else ()
        return sha256(self._fixed_part(table), *parts, *later, *left_out)

    def _knowledge(self, table: Table, day: date) -> dict[date, date]:
        """The night whose knowledge counts for the date, and for the as-of date its labels are for."""
        before = self.lake.calendar.back(day, table.ahead) if table.ahead else None
        if not is_as_of(table, self.lake.contract(table.name)):
            return {day: day}
        return {at: self.state.known_through(at) for at in (day, before) if at}

    def _fixed_part(self, table: Table) -> str:
        if table.name not in self._fixed:
            project = self.lake.settings.project
            layer, _, name = table.name.partition(".")
            texts = [_text_hash(project / kind / layer / f"{name}.yaml") for kind in ("contracts", "expectations")]
            if table.feed is not None:
                folder = project / "jobs" / "bronze"
                code = [code_hash(file, project) for file in sorted(folder.glob("*.py"))]
                extra: object = self.lake.feeds[table.feed]
            else:
                code = [code_hash(project / "jobs" / layer / f"{name}.py", project)]
                extra = self.lake.settings.parameters(table.name)
            self._fixed[table.name] = sha256(*texts, *code, json.dumps(extra, sort_keys=True, default=str))
        return self._fixed[table.name]

    def _conf_part(self, name: str) -> str:
        if name not in self._conf:
            self._conf[name] = sha256(json.dumps(self.lake.conf_input(name), sort_keys=True, default=str))
        return self._conf[name]

    def _input_part(self, table: Table, entry: Input, day: date, known: date) -> str:
        if entry.source == "conf":
            return self._conf_part(str(entry.value))
        if entry.table is None:
            return self._calendar
        if entry.table not in self.lake.catalogue.tables:
            return "not configured"
        source = self.lake.catalogue[entry.table]
        if source.write == "replace_all":
            return self.state.last_digest(source.name)
        if entry.dates == "run" and table.write != "replace_all":
            done = self.state.get(source.name, day)
            return done.digest if done else ""
        if entry.dates in ("earlier", "previous"):
            return self.state.digest_until(source.name, day, inclusive=False)
        until = known if self.lake.contract(source.name).date_column == DELIVERED else day
        return self.state.digest_until(source.name, until, inclusive=True)
