"""The key: made once, for its owner only, never made anew over existing tokens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from brokerlake.errors import ConfigurationError
from brokerlake.privacy import current_key
from brokerlake.privacy.keys import KEY_VARIABLE, key_folder
from brokerlake.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    return load_settings(home=tmp_path, profile="local")


def test_current_key__first_call__makes_a_private_file_and_keeps_it(settings):
    key = current_key(settings)
    path = key_folder(settings) / "k1.key"
    assert (key.version, len(key.secret), path.stat().st_mode & 0o777) == ("k1", 32, 0o600)
    assert current_key(settings) == key
    assert key.secret.hex() not in repr(key) and str(key.secret) not in repr(key)


def test_current_key__first_call_by_many_at_once__everybody_gets_the_same_whole_key(tmp_path, monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with ThreadPoolExecutor(8) as pool:
        for at in range(40):
            home = load_settings(home=tmp_path / str(at))
            made = set(pool.map(lambda _, home=home: current_key(home).secret, range(8)))
            assert {len(secret) for secret in made} == {32}
            assert len(made) == 1
            assert [file.name for file in key_folder(home).iterdir()] == ["k1.key"]


def test_current_key__several_versions__the_newest_by_number(settings):
    current_key(settings)
    for version in ("k2", "k10"):
        path = key_folder(settings) / f"{version}.key"
        path.write_bytes(version.encode() * 16 if version == "k2" else b"x" * 32)
        path.chmod(0o600)
    assert current_key(settings).version == "k10"


def test_current_key__lost_while_the_vault_holds_tokens__refused(settings):
    (settings.vault / "identities").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="bring the key back"):
        current_key(settings)


@pytest.mark.parametrize(("content", "mode", "cause"), [(b"short", 0o600, "32 bytes"), (b"x" * 32, 0o644, "chmod 600")])
def test_current_key__file_cut_or_open_to_others__refused(settings, content, mode, cause):
    key_folder(settings).mkdir(parents=True)
    path = key_folder(settings) / "k1.key"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match=cause):
        current_key(settings)


def test_current_key__from_the_environment__wins_and_is_checked(settings, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "k7:" + "ab" * 32)
    assert (current_key(settings).version, current_key(settings).secret) == ("k7", b"\xab" * 32)
    monkeypatch.setenv(KEY_VARIABLE, "ab" * 32)
    with pytest.raises(ConfigurationError) as caught:
        current_key(settings)
    assert "abab" not in str(caught.value)
