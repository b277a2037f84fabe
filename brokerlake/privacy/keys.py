"""The key of the tokens: 32 random bytes outside repository and tables, one file a version.

`.brokerlake/keys/<version>.key`, readable by its owner only; or the environment variable BROKERLAKE_TOKEN_KEY with
`<version>:<64 hexadecimal digits>` where a broker keeps keys in a vault of its own.
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from brokerlake.errors import ConfigurationError
from brokerlake.settings import Settings

KEY_VARIABLE = "BROKERLAKE_TOKEN_KEY"
KEY_BYTES = 32
FIRST_VERSION = "k1"
_VERSION = re.compile(r"k([1-9][0-9]{0,3})")


@dataclass(frozen=True)
class TokenKey:
    """One version of the key; the secret never shows in a representation."""

    version: str
    secret: bytes = field(repr=False)


def key_folder(settings: Settings) -> Path:
    """Where the key files lie."""
    return settings.private / "keys"


def current_key(settings: Settings) -> TokenKey:
    """The newest version of the key, from the environment or the newest file.

    The first one is made here. It is never made anew where identities were tokenised before: raises
    ConfigurationError, as other tokens would silently cut every person off from their past.
    """
    given = os.environ.get(KEY_VARIABLE)
    if given:
        return _parse_variable(given)
    files = _key_files(settings)
    if not files:
        if (settings.vault / "identities").exists():
            raise ConfigurationError("keys: .brokerlake/keys is empty but the vault holds tokens; bring the key back")
        _make_key(key_folder(settings) / f"{FIRST_VERSION}.key")
        files = _key_files(settings)
    return _read_key(files[-1])


def rotate_key(settings: Settings) -> TokenKey:
    """Make the next version of the key; it signs what has no token yet, from the next run on.

    Raises ConfigurationError when the key comes from the environment.
    """
    if os.environ.get(KEY_VARIABLE):
        raise ConfigurationError(f"keys: {KEY_VARIABLE} holds the key; put its next version there")
    number = version_number(current_key(settings).version) + 1
    _make_key(key_folder(settings) / f"k{number}.key")
    return current_key(settings)


def version_number(version: str) -> int:
    """2 for `k2`; 0 for what is no version."""
    match = _VERSION.fullmatch(version)
    return int(match[1]) if match else 0


def _key_files(settings: Settings) -> list[Path]:
    numbered = [(_VERSION.fullmatch(path.stem), path) for path in key_folder(settings).glob("*.key")]
    return [path for _, path in sorted((int(match[1]), path) for match, path in numbered if match)]


def _make_key(path: Path) -> None:
    """Whole or not at all: it gets its name when it is written, so nobody reads half a key."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        with suppress(FileExistsError):  # another process made it just now
            os.link(draft, path)
    finally:
        draft.unlink()


def _read_key(path: Path) -> TokenKey:
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(f"keys: {path.name} is readable by others; run chmod 600 on it")
    secret = path.read_bytes()
    if len(secret) != KEY_BYTES:
        raise ConfigurationError(f"keys: {path.name} must hold {KEY_BYTES} bytes")
    return TokenKey(path.stem, secret)


def _parse_variable(text: str) -> TokenKey:
    version, _, digits = text.partition(":")
    if not _VERSION.fullmatch(version) or not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
        raise ConfigurationError(f"{KEY_VARIABLE}: expected k<number>:<64 hexadecimal digits>")
    return TokenKey(version, bytes.fromhex(digits))
