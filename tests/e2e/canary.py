"""The clear names, phones, e-mails, ID and account numbers of the made-up broker, searched for where none may be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from brokerlake.lake import Lake
from brokerlake.synthetic.truth import clear_identities
from brokerlake.tables import ops


def _pattern(lake: Lake) -> re.Pattern[str]:
    """Any clear identity; two-letter names are left out, since they stand in other words."""
    known = clear_identities(lake.settings.home / "truth")
    assert {"name", "phone", "email", "id_number", "account"} <= set(known)
    words = {value for kind, values in known.items() if kind != "name" for value in values}
    words |= {value for value in known["name"] if len(value) >= 3}
    return re.compile("|".join(sorted(map(re.escape, words), key=len, reverse=True)))


def in_tables(lake: Lake) -> list[str]:
    """table.column of bronze, silver, gold and ops in which one stands."""
    pattern, found = _pattern(lake), []
    for name in [*lake.catalogue.tables, *(f"ops.{n}" for n in ops.OPS_SCHEMAS)]:
        for column, values in _texts(lake.settings.table_path(name)).items():
            found += [f"{name}.{column}" for value in values if value and pattern.search(value)][:1]
    return found


def _texts(path: Path) -> dict[str, list[str]]:
    if not path.exists():
        return {}
    table = DeltaTable(path).to_pyarrow_table()
    texts = [f.name for f in table.schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
    return {name: pc.unique(table[name]).to_pylist() for name in texts}


def in_files(lake: Lake, files: Iterable[Path]) -> list[str]:
    """Names of the files in whose bytes one stands; a database is searched as the bytes it is."""
    pattern = _pattern(lake)
    return [file.name for file in files if pattern.search(file.read_bytes().decode("utf-8", errors="replace"))]
