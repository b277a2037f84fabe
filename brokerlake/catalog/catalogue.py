"""The catalogue: per table its owner, group, inputs and how it is written; order and edges follow from inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from brokerlake.errors import ConfigurationError
from brokerlake.plain_yaml import checked_name, expected_shape, read_mapping

DATE_KINDS = ("run", "as_of", "previous", "earlier", "known", "latest_fit")
DAYS_BACK = ("trading_days_back", "days_back")
DATE_WINDOWS = (*DAYS_BACK, "month_ends_back", "ahead")
LAYERS = ("bronze", "silver", "gold")
WRITES = ("replace_dates", "replace_all", "insert_new")
TIERS = ("tier_1", "tier_2", "tier_3")


@dataclass(frozen=True)
class Input:
    """One argument of `build()` and how it is cut.

    Attributes:
        name: the argument's name.
        table: the table it comes from, or None for a configuration file or library.
        dates: run, as_of, previous, earlier, known, latest_fit, or a window such as trading_days_back.
        span: length of the window, 0 for the other kinds.
        source: `conf` or `library` where the input is no table, with `value` its name.
        optional: arrives empty, with its contract's schema, when its feed is not configured.
        keys_of: of earlier rows only those with the key of a row of this other input, the same table's rows of the run.
        latest: of earlier rows only the last of each key, as the table's log ranks them.
        columns: of earlier rows only these columns; all when empty.
        once: a row of a window comes with the first as-of date that has it alone.
    """

    name: str
    table: str | None
    dates: str
    span: int = 0
    source: str | None = None
    value: str | None = None
    optional: bool = False
    keys_of: str | None = None
    latest: bool = False
    columns: tuple[str, ...] = ()
    once: bool = False


@dataclass(frozen=True)
class Log:
    """How the latest row of a key is found in an append-only table.

    Attributes:
        key: the business key.
        order: columns, later wins; the runner adds _business_date and _sequence.
        effective: date column from when a row counts, or None when it counts as delivered.
        deleted: boolean column that says the key is no more (or the row was withdrawn), or None.
    """

    key: tuple[str, ...]
    order: tuple[str, ...] = ()
    effective: str | None = None
    deleted: str | None = None


@dataclass(frozen=True)
class Carried:
    """A total that must arrive unchanged: `column` (or rows) here equals `source_column` of `table`, date by date."""

    column: str
    table: str
    source_column: str


@dataclass(frozen=True)
class Table:
    """One entry of the catalogue."""

    name: str
    owner: str
    impact: str
    group: str
    cadence: str
    run: str
    write: str
    public: bool
    readers: tuple[str, ...]
    inputs: tuple[Input, ...]
    log: Log | None
    feed: str | None
    carried: tuple[Carried, ...] = ()

    @property
    def layer(self) -> str:
        """bronze, silver or gold."""
        return self.name.partition(".")[0]

    @property
    def ahead(self) -> int:
        """Trading days between a date of the table and the as-of date it tells of; 0 for all but labels."""
        return max((entry.span for entry in self.inputs if entry.dates == "ahead"), default=0)

    @property
    def sources(self) -> tuple[str, ...]:
        """Other tables it reads; its own earlier dates are no source."""
        return tuple(i.table for i in self.inputs if i.table and i.table != self.name)


@dataclass(frozen=True)
class Catalogue:
    """All tables, in the order of the file."""

    tables: Mapping[str, Table]
    groups: tuple[str, ...]

    def __getitem__(self, name: str) -> Table:
        """The table called `layer.table`."""
        if name not in self.tables:
            raise ConfigurationError(f"table {name}: not in data_catalog.yaml")
        return self.tables[name]

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Table names so that every table stands behind its sources; the file's order breaks ties."""
        sorter = TopologicalSorter({name: self.sources(name) for name in self.tables})
        try:
            sorter.prepare()
        except CycleError as loop:
            ring = " -> ".join(loop.args[1])
            raise ConfigurationError(f"data_catalog.yaml: tables feed each other: {ring}") from loop
        position = {name: at for at, name in enumerate(self.tables)}
        ordered: list[str] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready(), key=position.__getitem__)
            ordered.extend(ready)
            sorter.done(*ready)
        return tuple(ordered)

    def sources(self, name: str) -> list[str]:
        """The table's sources that this catalogue holds; optional ones may be left out."""
        return [source for source in self.tables[name].sources if source in self.tables]

    def of_group(self, group: str) -> tuple[Table, ...]:
        """Tables of a group in run order."""
        return tuple(self.tables[name] for name in self.order if self.tables[name].group == group)

    def of_layer(self, layer: str) -> tuple[Table, ...]:
        """Tables of a layer in run order."""
        return tuple(self.tables[name] for name in self.order if self.tables[name].layer == layer)

    @cached_property
    def group_edges(self) -> tuple[tuple[str, str], ...]:
        """(upstream group, downstream group), sorted, from the inputs of their tables."""
        edges = {
            (self.tables[source].group, table.group)
            for table in self.tables.values()
            for source in self.sources(table.name)
            if self.tables[source].group != table.group
        }
        return tuple(sorted(edges))

    def downstream(self, name: str) -> tuple[str, ...]:
        """Every table that is made from `name`, near or far, in run order."""
        hit = {name}
        for other in self.order:
            if hit.intersection(self.tables[other].sources):
                hit.add(other)
        return tuple(other for other in self.order if other in hit and other != name)

    @property
    def public(self) -> tuple[str, ...]:
        """Tables readers may see."""
        return tuple(name for name in self.order if self.tables[name].public)

    def restrict_to_feeds(self, feeds: Iterable[str]) -> Catalogue:
        """The catalogue a lake with only these feeds can run: tables whose required inputs are missing left out."""
        configured = set(feeds)
        kept: dict[str, Table] = {}
        for name in self.order:
            table = self.tables[name]
            given = [i.optional or i.table is None or i.table == name or i.table in kept for i in table.inputs]
            if table.feed in configured if table.feed else all(given):
                kept[name] = table
        return Catalogue({name: kept[name] for name in self.tables if name in kept}, self.groups)

    def restrict_to_tables(self, names: Iterable[str]) -> Catalogue:
        """The named tables and what they need; an optional input that is neither arrives empty.

        Raises ConfigurationError for a name that this catalogue does not hold.
        """
        needed, asked = set[str](), list(names)
        while asked:
            name = asked.pop()
            if name not in self.tables:
                raise ConfigurationError(f"tables: {name}: not in data_catalog.yaml with the feeds of this lake")
            if name not in needed:
                needed.add(name)
                asked.extend(i.table for i in self.tables[name].inputs if i.table and not i.optional)
        return Catalogue({name: table for name, table in self.tables.items() if name in needed}, self.groups)


def _read_input(table: str, name: str, item: Mapping[str, Any]) -> Input:
    for source in ("conf", "library"):
        if source in item:
            checked_name(item[source], f"data_catalog.yaml: {table}: input {name}")
            return Input(name, None, "run", source=source, value=str(item[source]))
    dates, span = item.get("dates", ""), 0
    if isinstance(dates, Mapping):
        ((dates, span),) = dates.items()
    if dates not in (DATE_WINDOWS if span else DATE_KINDS):
        raise ConfigurationError(f"data_catalog.yaml: {table}: input {name}: dates {dates!r} is no kind of date")
    if "table" not in item:
        raise ConfigurationError(f"data_catalog.yaml: {table}: input {name} names no table")
    return Input(
        name,
        item["table"],
        dates,
        int(span),
        optional=bool(item.get("optional", False)),
        keys_of=item.get("keys_of"),
        latest=bool(item.get("latest", False)),
        columns=tuple(item.get("columns", ())),
        once=bool(item.get("once", False)),
    )


def _read_log(item: Mapping[str, Any] | None) -> Log | None:
    if item is None:
        return None
    return Log(tuple(item["key"]), tuple(item.get("order", ())), item.get("effective"), item.get("deleted"))


def _read_table(name: str, item: Mapping[str, Any]) -> Table:
    for field, allowed in (("impact", TIERS), ("write", WRITES)):
        if item.get(field, "replace_dates") not in allowed:
            raise ConfigurationError(f"data_catalog.yaml: {name}: {field} must be one of {', '.join(allowed)}")
    for field in ("owner", "impact", "group"):
        if field not in item:
            raise ConfigurationError(f"data_catalog.yaml: {name}: no {field}")
    layer, _, short = name.partition(".")
    if layer not in LAYERS:
        raise ConfigurationError(f"data_catalog.yaml: a table is called <{'|'.join(LAYERS)}>.<name>")
    checked_name(short, f"data_catalog.yaml: {layer}")
    readers = tuple(item.get("readers", ()))
    if layer == "gold" and not readers:
        raise ConfigurationError(f"data_catalog.yaml: {name}: a gold table needs a named reader")
    return Table(
        name=name,
        owner=item["owner"],
        impact=item["impact"],
        group=item["group"],
        cadence=item.get("cadence", "daily"),
        run=item.get("run", "per_range"),
        write=item.get("write", "replace_dates"),
        public=bool(item.get("public", False)),
        readers=readers,
        inputs=tuple(_read_input(name, key, value) for key, value in (item.get("inputs") or {}).items()),
        log=_read_log(item.get("log")),
        feed=short if layer == "bronze" else None,
        carried=tuple(
            Carried(i["column"], i["table"], i.get("source_column", i["column"])) for i in item.get("carried", ())
        ),
    )


def load_catalogue(path: Path) -> Catalogue:
    """The catalogue file; raises ConfigurationError that names table and field."""
    raw = read_mapping(path)
    with expected_shape(path.name):
        return _as_catalogue(raw)


def _check_input(table: Table, entry: Input, tables: Mapping[str, Table]) -> None:
    where = f"data_catalog.yaml: {table.name}: input {entry.name}"
    if entry.table and entry.table not in tables:
        raise ConfigurationError(f"{where}: no table {entry.table}")
    log = tables[str(entry.table)].log if entry.table else None
    if (entry.keys_of or entry.latest or entry.columns) and entry.dates != "earlier":
        raise ConfigurationError(f"{where}: keys_of, latest and columns are for earlier rows")
    if (entry.keys_of or entry.latest) and log is None:
        raise ConfigurationError(f"{where}: {entry.table} has no log, so no key")
    if entry.once and (entry.dates not in DAYS_BACK or log):
        raise ConfigurationError(f"{where}: once is for days back of a table without a log")
    of_run = [other for other in table.inputs if other.name == entry.keys_of]
    if entry.keys_of and not any(other.table == entry.table and other.dates == "run" for other in of_run):
        raise ConfigurationError(f"{where}: keys_of names the input with the rows of the run of the same table")


def _as_catalogue(raw: Mapping[str, Any]) -> Catalogue:
    tables = {name: _read_table(name, item) for name, item in raw["tables"].items()}
    for table in tables.values():
        for entry in table.inputs:
            _check_input(table, entry, tables)
        if table.group not in raw["groups"]:
            raise ConfigurationError(f"data_catalog.yaml: {table.name}: group {table.group} is not listed")
    return Catalogue(tables, tuple(raw["groups"]))
