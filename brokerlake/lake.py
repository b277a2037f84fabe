"""A lake: settings, the catalogue its feeds allow, and its trading calendar, opened once a process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brokerlake.calendar import TradingCalendar, load_calendar
from brokerlake.catalog import Catalogue, Contract, contract_of, load_catalogue
from brokerlake.plain_yaml import checked_name, expected_shape, read_mapping, read_yaml
from brokerlake.settings import Settings


@dataclass(frozen=True)
class Lake:
    """Everything a run needs to know before it looks at data.

    Attributes:
        catalogue: the tables that the configuration allows.
        feeds: conf/feeds.yaml, transport by feed that one of them needs.
    """

    settings: Settings
    catalogue: Catalogue
    calendar: TradingCalendar
    feeds: Mapping[str, Mapping[str, Any]]

    def contract(self, table: str) -> Contract:
        """The contract of `layer.table`."""
        return contract_of(self.settings.project, table)

    def conf_input(self, name: str) -> Any:
        """`conf/<name>.yaml` parsed, or the records of every file of the folder `conf/<name>/`, file by file."""
        checked_name(name, "data_catalog.yaml: conf")
        for folder in (self.settings.conf_folder, self.settings.project / "conf"):
            if (folder / f"{name}.yaml").exists():
                return read_yaml(folder / f"{name}.yaml")
            if (folder / name).is_dir():
                files = sorted(f for f in (folder / name).glob("*.yaml") if not f.name.endswith(".lock.yaml"))
                return [record for file in files for record in read_yaml(file)]
        return None


def load_feeds(settings: Settings) -> dict[str, dict[str, Any]]:
    """Transport by feed, from conf/feeds.yaml."""
    raw = read_mapping(settings.conf_folder / "feeds.yaml")
    with expected_shape("feeds.yaml"):
        return {checked_name(feed, "feeds.yaml"): dict(transport) for feed, transport in raw["feeds"].items()}


def configured_catalogue(settings: Settings) -> Catalogue:
    """The tables that the configured feeds allow and, where conf lists `tables`, those need; reads YAML only."""
    catalogue = load_catalogue(settings.project / "data_catalog.yaml").restrict_to_feeds(load_feeds(settings))
    tables = settings.conf.get("tables")
    return catalogue if tables is None else catalogue.restrict_to_tables(tables)


def open_lake(settings: Settings) -> Lake:
    """The lake of these settings; raises ConfigurationError when catalogue, feeds or calendar can't be read."""
    catalogue = configured_catalogue(settings)
    used = {table.feed for table in catalogue.tables.values()}
    feeds = {name: transport for name, transport in load_feeds(settings).items() if name in used}
    return Lake(settings, catalogue, load_calendar(settings), feeds)
