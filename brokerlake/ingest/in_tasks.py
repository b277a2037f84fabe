"""Bronze in Spark tasks: the readers of jobs/bronze in `mapInArrow`, one task a group of files.

A task gives its rows as bronze keeps them, then one report: counts, rejected rows, notices. The token key is read where
the task runs and is in no plan, log or event. Clear identities go from the task to the vault's inbox and nowhere else;
the report names the file, so that what an attempt that did not count has left there counts for nothing either.
"""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from brokerlake import errors
from brokerlake.errors import BrokerlakeError, ConfigurationError
from brokerlake.ingest.assemble import Assembler, Entry
from brokerlake.ingest.sources import FeedSource
from brokerlake.ingest.tally import Measure, Tally
from brokerlake.landing.deliveries import DeliveredFile, Delivery
from brokerlake.privacy import Tokeniser, current_key, open_tokeniser
from brokerlake.privacy.keys import KEY_VARIABLE, TokenKey, key_folder
from brokerlake.privacy.tokens import IDENTITIES_SCHEMA, token_of
from brokerlake.settings import Settings
from brokerlake.tables.delta_files import arrow_schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PART, REPORT = "_part", "_report"
ROW = "row"
"""Value of the column `_part` in a row for bronze; in the one row a report stands in it says `report`."""


@dataclass(frozen=True)
class Report:
    """What one task has to say besides its rows.

    Attributes:
        measures: counts and sums of the files it read, or of stretches of them.
        identities: file in the vault's inbox with the clear values behind its tokens.
        failure: class and message of what stopped it.
    """

    measures: tuple[tuple[Delivery, DeliveredFile, Measure], ...] = ()
    rejected: tuple[dict[str, Any], ...] = ()
    notices: tuple[str, ...] = ()
    identities: str | None = None
    failure: tuple[str, str] | None = None

    def raise_failure(self) -> None:
        """Raise what stopped the task, as the class it was."""
        if self.failure is not None:
            name, sentence = self.failure
            raise getattr(errors, name, BrokerlakeError)(sentence)


class _Recorder(Tally):
    """A tally that remembers what was added, to be added again where the run is."""

    def __init__(self, control: Sequence[str]):
        super().__init__(control)
        self.added: list[tuple[Delivery, DeliveredFile, Measure]] = []

    def add(self, delivery: Delivery, file: DeliveredFile, stretch: Measure) -> None:
        """Remember a stretch of one file."""
        self.added.append((delivery, file, stretch))


@dataclass(frozen=True)
class Work:
    """What every task of a feed is handed: no key, no row.

    Attributes:
        groups: the files by task.
        key_check: a token that the run's key gives; a task with another key must not go on.
    """

    settings: Settings
    source: FeedSource
    groups: Sequence[Sequence[Entry]] = field(repr=False)
    key_check: str


def key_check(key: TokenKey) -> str:
    """A token of nothing: equal where keys are, and telling nothing of them."""
    return token_of(key, "key_check", "")


def inbox(settings: Settings, feed: str) -> Path:
    """Folder inside the vault where tasks leave the identities they met."""
    return settings.vault / "inbox" / feed


def in_tasks(spark: SparkSession, work: Work) -> DataFrame:
    """Bronze rows and reports of all groups, as Spark will compute them."""

    def read(numbers: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in numbers:
            for number in batch.column(0).to_pylist():
                yield from read_group(work, number)

    count = len(work.groups)
    schema = f"{work.source.contract.ddl}, `{PART}` string, `{REPORT}` binary"
    return spark.range(0, count, 1, count).mapInArrow(read, schema)


def read_group(work: Work, number: int) -> Iterator[pa.RecordBatch]:
    """Inside a task: the rows of one group, then its report. A fault of the data is reported, not raised: no retry."""
    schema = arrow_schema(work.source.contract)
    tally = _Recorder(work.source.contract.control_totals)
    rejected: list[dict[str, Any]] = []
    notices: list[str] = []
    try:
        tokeniser = _tokeniser_of_task(work)
        for assembled in Assembler(work.source, tokeniser, tally).read(work.groups[number]):
            rejected += assembled.rejected
            notices += assembled.notices
            yield _as_part(assembled.rows, schema)
        identities = _leave_in_vault(work, tokeniser.found())
        report = Report(tuple(tally.added), tuple(rejected), tuple(notices), identities)
    except BrokerlakeError as fault:
        report = Report(failure=(type(fault).__name__, str(fault)))
    yield _report_part(report, schema)


def _tokeniser_of_task(work: Work) -> Tokeniser:
    """Tokens by the key as this machine has it; raises ConfigurationError when it has none or another one."""
    if not os.environ.get(KEY_VARIABLE) and not any(key_folder(work.settings).glob("*.key")):
        raise ConfigurationError(f"keys: a Spark worker has neither {KEY_VARIABLE} nor the lake's key file")
    if key_check(current_key(work.settings)) != work.key_check:
        raise ConfigurationError("keys: a Spark worker has another token key than the run")
    return open_tokeniser(work.settings, work.source.identity_kinds)


def _leave_in_vault(work: Work, found: pa.Table) -> str | None:
    if not found.num_rows:
        return None
    path = inbox(work.settings, work.source.feed) / f"{uuid4().hex}.parquet"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        pq.write_table(found, file)
    return path.name


def _parts_schema(schema: pa.Schema) -> pa.Schema:
    return schema.append(pa.field(PART, pa.string())).append(pa.field(REPORT, pa.binary()))


def _as_part(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    count = rows.num_rows
    extra = [pa.array([ROW] * count, pa.string()), pa.nulls(count, pa.binary())]
    return pa.RecordBatch.from_arrays([*rows.columns, *extra], schema=_parts_schema(schema))


def _report_part(report: Report, schema: pa.Schema) -> pa.RecordBatch:
    nothing = [pa.nulls(1, column.type) for column in schema]
    extra = [pa.array(["report"], pa.string()), pa.array([pickle.dumps(report)], pa.binary())]
    return pa.RecordBatch.from_arrays([*nothing, *extra], schema=_parts_schema(schema))


def read_reports(staged: Path) -> list[Report]:
    """The reports among the parts that Spark has written into a folder of ours."""
    files = [str(file) for file in sorted(staged.glob("*.parquet"))]
    found = pads.dataset(files, format="parquet").to_table(columns=[REPORT], filter=pads.field(PART) != ROW)
    return [pickle.loads(report) for report in found.column(REPORT).to_pylist()]


def open_inbox(settings: Settings, feed: str) -> Path:
    """The feed's empty inbox; what a run that was killed has left there is gone."""
    folder = inbox(settings, feed)
    shutil.rmtree(folder, ignore_errors=True)
    settings.vault.mkdir(parents=True, exist_ok=True)
    settings.vault.chmod(0o700)
    folder.mkdir(parents=True, mode=0o700)
    return folder


def gather_identities(folder: Path, reports: Sequence[Report], others: pa.Table) -> pa.Table:
    """One row per token of the reports' files and `others`, with the first night that any of them saw it on."""
    parts = [
        pq.read_table(folder / report.identities, schema=IDENTITIES_SCHEMA) for report in reports if report.identities
    ]
    names = [name for name in IDENTITIES_SCHEMA.names if name != "first_seen"]
    together = pa.concat_tables([others, *parts]).group_by(names).aggregate([("first_seen", "min")])
    return together.rename_columns([*names, "first_seen"]).select(IDENTITIES_SCHEMA.names).cast(IDENTITIES_SCHEMA)
