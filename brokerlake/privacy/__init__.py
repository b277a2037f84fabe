"""Identities: keys, tokens, masked display values, scrubbed text, and the vault with the clear values."""

from brokerlake.privacy.keys import TokenKey, current_key, rotate_key
from brokerlake.privacy.masks import MASKS
from brokerlake.privacy.scrub import scrub_excerpts, scrub_json, scrub_text
from brokerlake.privacy.tokens import Tokeniser, token_of
from brokerlake.privacy.vault import identities_path, keep_identities, open_tokeniser

__all__ = [
    "MASKS",
    "TokenKey",
    "Tokeniser",
    "current_key",
    "identities_path",
    "keep_identities",
    "open_tokeniser",
    "rotate_key",
    "scrub_excerpts",
    "scrub_json",
    "scrub_text",
    "token_of",
]
