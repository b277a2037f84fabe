"""The runner's own tables (`ops.*`), written by deltalake, readable by all but `ops.rejected`."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake.exceptions import DeltaError

from brokerlake.errors import BrokerlakeError, frames_of, plain_cause
from brokerlake.rights import make_closed
from brokerlake.settings import Settings
from brokerlake.tables import delta_files

log = logging.getLogger(__name__)
_known_complete: set[Path] = set()

_TEXT, _COUNT, _DAY, _TIME = pa.string(), pa.int64(), pa.date32(), pa.timestamp("us", "UTC")
_MONEY = pa.decimal128(38, 12)

OPS_SCHEMAS: dict[str, pa.Schema] = {
    # One row per delivery a night took, superseded ones too.
    "manifests": pa.schema(
        [
            ("night", _DAY),
            ("feed", _TEXT),
            ("business_date", _DAY),
            ("delivered_on", _DAY),
            ("sequence", pa.int32()),
            ("kind", _TEXT),
            ("file_count", _COUNT),
            ("bytes", _COUNT),
            ("rows", _COUNT),
            ("control_sums", _TEXT),
            ("folder", _TEXT),
            ("content_hash", _TEXT),
            ("is_superseded", pa.bool_()),
            ("run_id", _TEXT),
        ]
    ),
    # One row per table and date that was written and judged, every attempt.
    "ledger": pa.schema(
        [
            ("run_id", _TEXT),
            ("attempt", pa.int32()),
            ("table_name", _TEXT),
            ("date", _DAY),
            ("base_version", _COUNT),
            ("version", _COUNT),
            ("step_key", _TEXT),
            ("row_count", _COUNT),
            ("digest", _TEXT),
            ("sums", _TEXT),
            ("known_through", _DAY),
            ("verdict", _TEXT),
            ("cpu_seconds", pa.float64()),
            ("wall_seconds", pa.float64()),
            ("finished_at", _TIME),
            ("gate_cpu_seconds", pa.float64()),
        ]
    ),
    # One row per publish: the version of every table, readers see the public ones.
    "releases": pa.schema(
        [
            ("number", _COUNT),
            ("run_id", _TEXT),
            ("kind", _TEXT),
            ("night", _DAY),
            ("first_date", _DAY),
            ("published_at", _TIME),
            ("vector", _TEXT),
            ("public", _TEXT),
            ("stale_feeds", _TEXT),
            ("note", _TEXT),
        ]
    ),
    # One row per night, feed or table, and measure: what came in and where each row or yuan went.
    "control_totals": pa.schema(
        [
            ("run_id", _TEXT),
            ("night", _DAY),
            ("step", _TEXT),
            ("feed", _TEXT),
            ("table_name", _TEXT),
            ("measure", _TEXT),
            ("came_in", _MONEY),
            ("kept", _MONEY),
            ("rejected", _MONEY),
            ("duplicate", _MONEY),
            ("unchanged", _MONEY),
            ("derived", _MONEY),
            ("withdrawn", _MONEY),
            ("superseded", _MONEY),
            ("restricted", _MONEY),
            ("difference", _MONEY),
        ]
    ),
    # One row per row that was not kept, with its place in the delivery; not readable through the reader.
    "rejected": pa.schema(
        [
            ("run_id", _TEXT),
            ("night", _DAY),
            ("feed", _TEXT),
            ("table_name", _TEXT),
            ("file", _TEXT),
            ("line", _COUNT),
            ("rule", _TEXT),
            ("verdict", _TEXT),
            ("sentence", _TEXT),
            ("excerpt", _TEXT),
            ("business_date", _DAY),
            ("sequence", pa.int32()),
        ]
    ),
    # One row per night, table, date that late rows speak of, and control total: as-of dates they would have changed.
    "pending_restatements": pa.schema(
        [
            ("run_id", _TEXT),
            ("night", _DAY),
            ("feed", _TEXT),
            ("table_name", _TEXT),
            ("effective_date", _DAY),
            ("first_as_of_date", _DAY),
            ("last_as_of_date", _DAY),
            ("row_count", _COUNT),
            ("measure", _TEXT),
            ("amount", _MONEY),
        ]
    ),
    # One row per decision about a customer; the last one says whether they are restricted.
    "restrictions": pa.schema([("customer_no", _TEXT), ("action", _TEXT), ("why", _TEXT), ("decided_at", _TIME)]),
    # One row per rule checked on a written version.
    "quality_results": pa.schema(
        [
            ("run_id", _TEXT),
            ("night", _DAY),
            ("table_name", _TEXT),
            ("first_date", _DAY),
            ("version", _COUNT),
            ("rule_id", _TEXT),
            ("kind", _TEXT),
            ("column_name", _TEXT),
            ("severity", _TEXT),
            ("passed", pa.bool_()),
            ("failed_rows", _COUNT),
            ("checked_rows", _COUNT),
            ("sentence", _TEXT),
            ("measured_at", _TIME),
        ]
    ),
}
"""Arrow schemas by name; every table of the runner is one of these."""


def ops_path(settings: Settings, name: str) -> Path:
    """Folder of `ops.<name>`."""
    return settings.lake / "ops" / name


def read_ops(
    settings: Settings, name: str, columns: Sequence[str] | None = None, version: int | None = None
) -> pa.Table:
    """`ops.<name>`, empty with its schema when nothing was written yet."""
    path = ops_path(settings, name)
    schema = OPS_SCHEMAS[name]
    if delta_files.head(path) is None:
        empty = schema.empty_table()
        return empty.select(list(columns)) if columns else empty
    return delta_files.read(path, version, list(columns) if columns else None)


def as_table(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as Arrow in the schema of `ops.<name>`; columns left out are null."""
    schema = OPS_SCHEMAS[name]
    return pa.Table.from_pylist([{column: row.get(column) for column in schema.names} for row in rows], schema)


@contextmanager
def _one_commit(settings: Settings, name: str) -> Iterator[None]:
    """One commit at a time: groups run side by side in processes of their own, their tables in threads.

    Two replacements of one ops table at once would be a conflict.
    """
    folder = settings.private / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"ops.{name}").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def _committing(settings: Settings, name: str) -> Iterator[None]:
    """One commit at a time; a failed one is told with the table's name."""
    with _one_commit(settings, name):
        try:
            yield
        except (OSError, DeltaError) as failed:
            log.error("ops.%s\n%s", name, frames_of(failed))
            raise BrokerlakeError(f"ops.{name}: {plain_cause(failed)}") from failed


def _complete(path: Path, name: str) -> None:
    """Add the columns that a table made before them lacks: looked for once a process."""
    if path not in _known_complete:
        delta_files.add_missing(path, OPS_SCHEMAS[name])
        _known_complete.add(path)


def append_ops(settings: Settings, name: str, rows: pa.Table, metadata: Mapping[str, object]) -> int:
    """Append rows to `ops.<name>` in one commit; the version written."""
    path = ops_path(settings, name)
    if name == "rejected":
        make_closed(path)
    with _committing(settings, name):
        if delta_files.head(path) is not None:
            _complete(path, name)
        return delta_files.append(path, rows.cast(OPS_SCHEMAS[name]), metadata)


def replace_ops(settings: Settings, name: str, rows: pa.Table, predicate: str, metadata: Mapping[str, object]) -> int:
    """Replace the rows of `ops.<name>` that `predicate` names, in one commit; the version written."""
    path = ops_path(settings, name)
    if delta_files.head(path) is None:
        return append_ops(settings, name, rows, metadata)
    with _committing(settings, name):
        _complete(path, name)
        return delta_files.replace(path, rows.cast(OPS_SCHEMAS[name]), predicate, metadata)
