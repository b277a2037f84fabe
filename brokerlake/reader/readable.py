"""What a reader sees of a published table: its columns, its latest known rows, its description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from brokerlake.catalog import SOURCE_COLUMNS, Catalogue, Contract, Log, contract_of, load_catalogue
from brokerlake.privacy.restrictions import Hidden, find_map, identifiers_of, restricted_customers
from brokerlake.release.releases import Release, current_release
from brokerlake.settings import Settings

SOURCE_NAMES = frozenset(column.name for column in SOURCE_COLUMNS)


@dataclass(frozen=True)
class ReadableTable:
    """One public table of a release.

    Attributes:
        version: the Delta version the release pins.
        description: its grain, from the contract.
        date_column: the visible date that says what a row speaks of, None when it has none.
        columns: descriptions by visible column.
        log: for facts, how the latest row of a key is found; None for tables shown as they are.
        contract: what the table promises.
        hidden: identifiers of persons whose rows are not shown.
    """

    name: str
    path: Path
    version: int
    description: str
    date_column: str | None
    columns: Mapping[str, str]
    log: Log | None
    contract: Contract
    hidden: Hidden

    @property
    def order(self) -> tuple[str, ...]:
        """Columns by which a later row of a key replaces an earlier one."""
        return (*(self.log.order if self.log else ()), "_business_date", "_sequence")


def is_fact(contract: Contract, log: Log | None) -> bool:
    """True for tables of delivered facts, which are shown at their latest revision.

    They carry the source columns and have no effective date in their log; a change log has one, and shows every
    change.
    """
    return log is not None and log.effective is None and set(contract.by_name) >= SOURCE_NAMES


def _date_column(contract: Contract) -> str | None:
    stated = {item["property"]: item["value"] for item in contract.raw.get("customProperties", ())}
    found = stated.get("effective_column") or contract.date_column
    return found if found and not found.startswith("_") else None


def hidden_today(settings: Settings, catalogue: Catalogue) -> Hidden:
    """What names the persons restricted today, by the newest release, whatever release is read."""
    customers, newest = restricted_customers(settings), current_release(settings)
    if not customers or newest is None:
        return {}
    person_map = find_map(catalogue.tables.values(), lambda name: contract_of(settings.project, name))
    return identifiers_of(settings, person_map, newest.vector, customers)


def readable_tables(settings: Settings, release: Release) -> dict[str, ReadableTable]:
    """Public tables of the release by name, sorted; never bronze, the vault or the rejected rows."""
    catalogue = load_catalogue(settings.project / "data_catalog.yaml")
    hidden_persons = hidden_today(settings, catalogue)
    tables = {}
    for name in sorted(release.public):
        if name.partition(".")[0] not in ("silver", "gold") or name not in release.vector:
            continue
        contract = contract_of(settings.project, name)
        log = catalogue.tables[name].log if name in catalogue.tables else None
        fact = is_fact(contract, log)
        hidden = SOURCE_NAMES if fact else frozenset()
        tables[name] = ReadableTable(
            name=name,
            path=settings.table_path(name),
            version=release.vector[name],
            description=contract.description,
            date_column=_date_column(contract),
            columns={c.name: c.description for c in contract.columns if c.name not in hidden},
            log=log if fact else None,
            contract=contract,
            hidden=hidden_persons,
        )
    return tables
