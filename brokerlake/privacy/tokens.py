"""Identities to tokens: `<key version>_<32 hex>`, HMAC-SHA-256 over `<kind>\\0<value>` cut to 128 bits.

The kind is part of the message, so that a phone and an account with the same digits get different tokens. Only the
distinct values of a batch are hashed; what was new is handed to the vault by `found`. A value that got its token
under an earlier version of the key keeps it, so that what was delivered before and after a rotation joins.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from threading import Lock

import numpy as np
import pyarrow as pa

from brokerlake.privacy.keys import TokenKey

IDENTITIES_SCHEMA = pa.schema(
    [
        ("token", pa.string()),
        ("kind", pa.string()),
        ("value", pa.string()),
        ("key_version", pa.string()),
        ("first_seen", pa.date32()),
    ]
)
"""One row per token: the clear value behind it and the first night it was seen on."""


def token_of(key: TokenKey, kind: str, value: str) -> str:
    """The token of one value."""
    message = f"{kind}\0{value}".encode()
    return f"{key.version}_{hmac.digest(key.secret, message, 'sha256')[:16].hex()}"


@dataclass
class Tokeniser:
    """Tokens of one ingest with the clear values behind them; safe to share between threads.

    Attributes:
        key: what signs values that have no token yet.
        kept: tokens of other versions of the key, by kind and value.
    """

    key: TokenKey
    kept: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    _seen: dict[str, dict[str, tuple[str, date]]] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def tokens(self, values: pa.Array, kind: str, nights: pa.Array) -> pa.Array:
        """The column with each value replaced by its token; null stays null.

        `nights` (date32) says per row the night it was delivered on.
        """
        encoded = values.dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        first = [nights[int(row)].as_py() for row in _first_rows(encoded, len(distinct))]
        with self._lock:
            made = self._look_up(kind, distinct, first)
        return pa.DictionaryArray.from_arrays(encoded.indices, pa.array(made, pa.string())).dictionary_decode()

    def _look_up(self, kind: str, distinct: list[str], first: list[date]) -> list[str]:
        seen, kept = self._seen.setdefault(kind, {}), self.kept.get(kind, {})
        made = []
        for value, night in zip(distinct, first, strict=True):
            entry = seen.get(value)
            if entry is None or night < entry[1]:
                entry = (entry[0] if entry else kept.get(value) or token_of(self.key, kind, value), night)
                seen[value] = entry
            made.append(entry[0])
        return made

    def found(self) -> pa.Table:
        """Every identity met, in the schema of the vault."""
        with self._lock:
            rows = [
                (token, kind, value, token.partition("_")[0], night)
                for kind, seen in self._seen.items()
                for value, (token, night) in seen.items()
            ]
        columns = list(zip(*rows, strict=True)) or [()] * len(IDENTITIES_SCHEMA)
        arrays = [pa.array(column, f.type) for column, f in zip(columns, IDENTITIES_SCHEMA, strict=True)]
        return pa.Table.from_arrays(arrays, schema=IDENTITIES_SCHEMA)


def _first_rows(encoded: pa.DictionaryArray, distinct: int) -> np.ndarray:
    """The first row of each dictionary value."""
    valid = np.flatnonzero(encoded.is_valid().to_numpy(zero_copy_only=False))
    codes = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)[valid]
    first = np.zeros(distinct, dtype=np.int64)
    first[codes[::-1]] = valid[::-1]
    return first
