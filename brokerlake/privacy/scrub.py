"""Identities hidden in free text and in the excerpts of rejected lines. A column at a time, by RE2.

Text is masked wide: a number of eleven digits or more goes whatever it is, and so do passwords and card verification
codes that somebody writes into free text. Identifiers inside JSON are kept where they stand as a word of their own that
is no phone, ID, card or mail address, since events are joined by them.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

MAIL = r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+\.[A-Za-z]{2,}"
_GAP = r"[ \-]?"
_SPACED_PHONE = rf"1[2-9][0-9]{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}"
_SPACED_ID = rf"[1-9][0-9]{{5}}{_GAP}(19|20)[0-9]{{6}}{_GAP}[0-9]{{3}}[0-9Xx]"
_SPACED_CARD = r"[0-9]{4}([ \-][0-9]{4}){3}([ \-]?[0-9]{1,4})?"
_SECRETS = (
    (r"(?i)(pass(word|wd|code)|pwd)[ \t]*(is|[:：=])[ \t]*[^\s,，;；。\"]{3,}", "[secret]"),
    (r"(密码|口令|安全码)[ \t]*(是|为|[:：=])?[ \t]*[0-9A-Za-z!@#$%^&*_.+\-]{3,}", "[secret]"),
    (r"(?i)\bcv[vcn]2?[^0-9A-Za-z]{0,3}[0-9]{3,4}\b", "[secret]"),
)
"""What a person writes though it may not be stored: a password, the number on the back of a card."""
_TEXT = (
    *_SECRETS,
    (MAIL, "[mail]"),
    (_SPACED_CARD, "[number]"),
    (_SPACED_ID, "[number]"),
    (r"[0-9]{11,}[Xx]?", "[number]"),
    (r"[0-9]{14,}[Xx]", "[number]"),
    (_SPACED_PHONE, "[number]"),
)
_JSON = (
    (MAIL, "[mail]"),
    (r"\b(86)?1[2-9][0-9]{9}\b", "[number]"),
    (rf"\b{_SPACED_PHONE}\b", "[number]"),
    (r"\b[1-9][0-9]{14}([0-9]{2}[0-9Xx])?\b", "[number]"),
    (r"\b[1-9][0-9]{15,18}\b", "[number]"),
)
_EXCERPT = (
    *_SECRETS,
    (r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]*", "[mail]"),
    (r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}", "[ip]"),
    (r"(\p{Han}|\\u[0-9A-Fa-f]{4})+", "*"),
    (r"[A-Za-z]+[0-9][0-9A-Za-z]{5,}", "[id]"),
    (r"[0-9]{6,}[0-9A-Za-z]*", "[number]"),
    (r"[0-9A-Za-z]{14,}", "[id]"),
    (_SPACED_PHONE, "[number]"),
)
"""A rejected line may hold any identity anywhere: no Chinese word, long number or code is shown."""


def _replace(values: pa.Array, patterns: Sequence[tuple[str, str]]) -> pa.Array:
    for pattern, shown in patterns:
        values = pc.replace_substring_regex(values, pattern, shown)
    return values


def scrub_text(values: pa.Array) -> pa.Array:
    """Free text with mail addresses, phones, ID, card and account numbers hidden; null stays null."""
    return _replace(values, _TEXT)


def scrub_json(values: pa.Array) -> pa.Array:
    """JSON text with mail addresses, phones, ID and card numbers hidden; other identifiers stay whole."""
    return _replace(values, _JSON)


def scrub_excerpts(texts: Sequence[str]) -> list[str]:
    """The beginnings of rejected lines with everything hidden that may be an identity."""
    return _replace(pa.array(texts, pa.string()), _EXCERPT).to_pylist()
