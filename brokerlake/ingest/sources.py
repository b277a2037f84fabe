"""A feed as the ingest sees it: columns and key from the bronze contract, transport from conf/feeds.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brokerlake.catalog import SOURCE_COLUMNS, Column, Contract, contract_of
from brokerlake.errors import ConfigurationError
from brokerlake.lake import load_feeds
from brokerlake.settings import Settings
from jobs.bronze import delimited, json_lines, parquet, spreadsheet
from jobs.bronze.batch import Batch, Options, Reader, SourceColumn

READERS: dict[str, Reader] = {
    "delimited": delimited.read,
    "json_lines": json_lines.read,
    "parquet": parquet.read,
    "spreadsheet": spreadsheet.read,
}
_TRANSPORT = {
    "format", "by_ending", "delimiter", "encoding", "compression", "bom", "required", "deadline", "reject_limit"
}  # fmt: skip
_TECHNICAL = {column.name for column in SOURCE_COLUMNS}


@dataclass(frozen=True)
class FeedSource:
    """One feed.

    Attributes:
        columns: what its files hold, in file order.
        masked: display columns made from them.
        by_ending: reader names for files of some endings; all others go to `format`.
        reject_limit: largest share (0-1) of malformed rows of a night.
    """

    feed: str
    contract: Contract
    columns: tuple[Column, ...]
    masked: tuple[Column, ...]
    format: str
    by_ending: Mapping[str, str]
    options: Options
    reject_limit: float

    @property
    def table(self) -> str:
        """Its bronze table."""
        return self.contract.table

    @property
    def identity_kinds(self) -> set[str]:
        """The kinds of identity its columns hold."""
        return {str(column.get("identity")) for column in self.columns if column.get("identity")}

    def read(self, path: Path) -> Iterator[Batch]:
        """The file's batches by the reader of its ending, else of its format."""
        columns = [SourceColumn(column.name, _value_type(column)) for column in self.columns]
        return READERS[self.by_ending.get(path.suffix, self.format)](path, columns, self.options)


def _value_type(column: Column) -> str:
    declared = str(column.get("source_type", "string"))
    return "string" if declared == "json" else declared


def feed_source(settings: Settings, feed: str) -> FeedSource:
    """The feed's contract and transport; raises ConfigurationError naming feed and field."""
    transport = load_feeds(settings).get(feed)
    if transport is None:
        raise ConfigurationError(f"feeds.yaml: no feed {feed}")
    _check_transport(feed, transport)
    contract = contract_of(settings.project, f"bronze.{feed}")
    delivered = [column for column in contract.columns if column.name not in _TECHNICAL]
    return FeedSource(
        feed=feed,
        contract=contract,
        columns=tuple(column for column in delivered if not column.get("masked_from")),
        masked=tuple(column for column in delivered if column.get("masked_from")),
        format=transport["format"],
        by_ending=dict(transport.get("by_ending") or {}),
        options=Options(
            delimiter=transport.get("delimiter", ","),
            encoding=transport.get("encoding", "utf-8"),
            compression=transport.get("compression", "none"),
            has_bom=bool(transport.get("bom", False)),
        ),
        reject_limit=float(transport.get("reject_limit", 0.01)),
    )


def _check_transport(feed: str, transport: Mapping[str, Any]) -> None:
    unknown = sorted(set(transport) - _TRANSPORT)
    if unknown:
        raise ConfigurationError(f"feeds.yaml: feed {feed}: unknown field {', '.join(unknown)}")
    named = [transport.get("format"), *(transport.get("by_ending") or {}).values()]
    wrong = [str(name) for name in named if name not in READERS]
    if wrong:
        raise ConfigurationError(f"feeds.yaml: feed {feed}: no format {', '.join(wrong)}")
    if transport.get("compression", "none") not in ("none", "gzip"):
        raise ConfigurationError(f"feeds.yaml: feed {feed}: compression must be gzip or none")
