"""Delivered columns to bronze columns: identities become tokens, free text is scrubbed, masked columns are added.

Runs on each batch between reader and writer, so that no clear identity is ever written outside the vault.
"""

from __future__ import annotations

import pyarrow as pa

from brokerlake.ingest.sources import FeedSource
from brokerlake.privacy import MASKS, Tokeniser, scrub_json, scrub_text


def protect(source: FeedSource, text: pa.Table, nights: pa.Array, tokeniser: Tokeniser) -> pa.Table:
    """`text` (clear, one chunk a column) as bronze keeps it, masked columns behind the source columns."""
    arrays = {name: text.column(name).combine_chunks() for name in text.column_names}
    kept: dict[str, pa.Array] = {}
    for column in source.columns:
        values, kind = arrays[column.name], column.get("identity")
        if kind:
            values = tokeniser.tokens(values, str(kind), nights)
        elif column.get("free_text"):
            values = scrub_json(values) if column.get("source_type") == "json" else scrub_text(values)
        kept[column.name] = values
    for column in source.masked:
        origin = str(column.get("masked_from"))
        kind = source.contract.by_name[origin].get("identity")
        kept[column.name] = MASKS[str(kind)](arrays[origin])
    return pa.table(kept)
