"""Tokens: HMAC by kind, null stays null, first night known whatever the order; the vault keeps each once."""

from __future__ import annotations

import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

from brokerlake.privacy import Tokeniser, identities_path, keep_identities, token_of
from brokerlake.privacy.keys import TokenKey
from brokerlake.settings import load_settings

KEY = TokenKey("k3", bytes(range(32)))
MONDAY, TUESDAY = date(2024, 3, 4), date(2024, 3, 5)


def tokens(
    tokeniser: Tokeniser, values: list[str | None], kind: str = "phone", night: date = MONDAY
) -> list[str | None]:
    nights = pa.array([night] * len(values), pa.date32())
    return tokeniser.tokens(pa.array(values, pa.string()), kind, nights).to_pylist()


def test_token_of__is_the_cut_hmac_of_kind_and_value():
    expected = hmac.new(KEY.secret, b"phone\x0012512345678", hashlib.sha256).hexdigest()[:32]
    assert token_of(KEY, "phone", "12512345678") == f"k3_{expected}"
    assert token_of(KEY, "account", "12512345678") != token_of(KEY, "phone", "12512345678")


def test_tokens__repeats_and_nulls__same_token_and_null():
    made = tokens(Tokeniser(KEY), ["a", None, "b", "a"])
    assert made == [token_of(KEY, "phone", "a"), None, token_of(KEY, "phone", "b"), made[0]]
    assert tokens(Tokeniser(KEY), []) == [] and tokens(Tokeniser(KEY), [None]) == [None]


def test_found__nights_in_any_order__the_first_one_counts():
    tokeniser = Tokeniser(KEY)
    tokens(tokeniser, ["a", "b"], night=TUESDAY)
    nights = pa.array([TUESDAY, None, MONDAY, TUESDAY], pa.date32())
    tokeniser.tokens(pa.array(["c", None, "a", "a"]), "phone", nights)
    found = {row["value"]: row["first_seen"] for row in tokeniser.found().to_pylist()}
    assert found == {"a": MONDAY, "b": TUESDAY, "c": TUESDAY}


def test_keep_identities__again_and_from_several_threads__each_token_once(tmp_path: Path):
    settings = load_settings(home=tmp_path, profile="local")
    assert keep_identities(settings, Tokeniser(KEY).found(), {}) == 0
    assert not identities_path(settings).exists()

    def keep(start: int) -> int:
        tokeniser = Tokeniser(KEY)
        tokens(tokeniser, [str(n) for n in range(start, start + 50)])
        tokens(tokeniser, ["x"], kind="name")
        return keep_identities(settings, tokeniser.found(), {"run_id": "r"})

    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(keep, [0, 25, 50, 0]))
    rows = DeltaTable(identities_path(settings)).to_pyarrow_table().to_pylist()
    assert sum(added) == len(rows) == len({row["token"] for row in rows}) == 101
    assert {row["key_version"] for row in rows} == {"k3"}
    assert DeltaTable(identities_path(settings)).metadata().partition_columns == ["kind"]
    assert settings.vault.stat().st_mode & 0o077 == 0
