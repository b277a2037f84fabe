"""Another key gives other tokens; a rotated key leaves known identities their tokens, so that old and new rows join."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from deltalake import DeltaTable

from brokerlake.cli import main
from brokerlake.errors import ConfigurationError
from brokerlake.ingest import ingest_feed
from brokerlake.lake import load_feeds
from brokerlake.landing import find_deliveries
from brokerlake.privacy import current_key, rotate_key
from brokerlake.privacy.keys import KEY_VARIABLE, key_folder
from brokerlake.settings import Settings, load_settings
from tests.brokerlake.landing.hand_over import hand_over

MONDAY, TUESDAY = date(2024, 3, 4), date(2024, 3, 5)
FLOWS, MOVEMENTS = "trading_cash_flows", "trading_security_movements"
OLD, NEW = "608800000001", "608800000002"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    return load_settings(home=tmp_path, profile="local")


def deliver(settings: Settings, feed: str, day: date, *accounts: str) -> None:
    key = "flow_id" if feed == FLOWS else "movement_id"
    amount = "amount" if feed == FLOWS else "value"
    rows = [{key: f"{day}-{n}", "account_id": account, amount: "1"} for n, account in enumerate(accounts)]
    hand_over(settings.landing, feed, day, rows)


def accounts_of(settings: Settings, feed: str, day: date, base_version: int | None = None) -> list[str]:
    """The account column of the feed's bronze partition, made anew, in line order."""
    taken = [d for d in find_deliveries(settings, {feed: load_feeds(settings)[feed]}) if d.delivered_on == day]
    done = ingest_feed(settings, feed, {day: taken}, [day], base_version=base_version, user_metadata={})
    rows = DeltaTable(settings.table_path(done.table)).to_pyarrow_table(partitions=[("_delivered_on", "=", str(day))])
    return [row["account_id"] for row in sorted(rows.to_pylist(), key=lambda row: row["_line"])]


def vault(settings: Settings) -> dict[str, tuple[str, str]]:
    rows = DeltaTable(settings.vault / "identities").to_pyarrow_table().to_pylist()
    assert len(rows) == len({row["token"] for row in rows})
    return {row["value"]: (row["token"], row["key_version"]) for row in rows}


def test_ingest__two_lakes_with_their_own_keys__no_token_in_common(tmp_path, monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    tokens = []
    for home in ("one", "other"):
        settings = load_settings(home=tmp_path / home, profile="local")
        deliver(settings, FLOWS, MONDAY, OLD, NEW)
        tokens.append(set(accounts_of(settings, FLOWS, MONDAY)))
    assert len(tokens[0]) == len(tokens[1]) == 2 and not tokens[0] & tokens[1]


def test_ingest__after_a_rotation__known_accounts_join_and_new_ones_are_signed_by_the_new_key(settings):
    deliver(settings, FLOWS, MONDAY, OLD)
    (old_token,) = accounts_of(settings, FLOWS, MONDAY)
    assert rotate_key(settings).version == "k2"
    deliver(settings, FLOWS, TUESDAY, OLD, NEW)
    deliver(settings, MOVEMENTS, TUESDAY, NEW, OLD)
    known, new = accounts_of(settings, FLOWS, TUESDAY, base_version=1)
    assert known == old_token and old_token.startswith("k1_") and new.startswith("k2_")
    assert accounts_of(settings, MOVEMENTS, TUESDAY) == [new, old_token]
    assert vault(settings) == {OLD: (old_token, "k1"), NEW: (new, "k2")}


def test_ingest__night_made_anew_after_rotations__same_tokens(settings):
    deliver(settings, FLOWS, MONDAY, OLD)
    first = accounts_of(settings, FLOWS, MONDAY)
    rotate_key(settings)
    deliver(settings, FLOWS, TUESDAY, NEW)
    second = accounts_of(settings, FLOWS, TUESDAY, base_version=1)
    assert rotate_key(settings).version == "k3"
    (key_folder(settings) / "k1.key").unlink()  # a key that leaked can go: known identities are found in the vault
    assert accounts_of(settings, FLOWS, MONDAY, base_version=2) == first
    assert accounts_of(settings, FLOWS, TUESDAY, base_version=3) == second
    assert {version for _, version in vault(settings).values()} == {"k1", "k2"}


def test_ingest__another_key_under_the_same_version__refused_and_nothing_written(settings):
    deliver(settings, FLOWS, MONDAY, OLD)
    accounts_of(settings, FLOWS, MONDAY)
    path = key_folder(settings) / "k1.key"
    path.write_bytes(b"x" * 32)
    deliver(settings, FLOWS, TUESDAY, NEW)
    with pytest.raises(ConfigurationError, match="k1 is not the key that made the tokens of k1") as caught:
        accounts_of(settings, FLOWS, TUESDAY, base_version=1)
    assert OLD not in str(caught.value) and set(vault(settings)) == {OLD}


def test_rotate_key__command__makes_a_private_file_and_keeps_the_old_one(settings, capsys, monkeypatch):
    secret = current_key(settings).secret
    assert main(["--home", str(settings.home), "rotate-key"]) == 0
    told = capsys.readouterr().out
    new = key_folder(settings) / "k2.key"
    assert str(new) in told and new.stat().st_mode & 0o777 == 0o600
    assert current_key(settings).version == "k2" and current_key(settings).secret != secret
    assert (key_folder(settings) / "k1.key").read_bytes() == secret
    monkeypatch.setenv(KEY_VARIABLE, "k7:" + "ab" * 32)
    assert main(["--home", str(settings.home), "rotate-key"]) == 1
    assert "put its next version there" in capsys.readouterr().err and "abab" not in told
