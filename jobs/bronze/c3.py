"""What may never be stored (C3 of JR/T 0171): passwords, card tracks, CVV and expiry of cards, biometrics.

A column or key is told by its name, a card track by its shape (ISO/IEC 7813). Nothing here repeats a name or a value:
in a file without a header even a name is content.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.bronze.batch import UnreadableFile

_SENTENCE = "is named like a password, a card's secret or a biometric value, which may not be stored"
_ALWAYS = ("card_expiry", "card_expiration", "card_expire", "valid_thru", "卡有效期")
_PARTS = (
    "password", "passwd", "pass_code", "passphrase", "pin_block", "pin_code", "mag_stripe", "magnetic_stripe",
    "track_data", "biometric", "finger_print", "voice_print", "face_print", "palm_print", "iris_scan", "face_template",
    "face_feature", "face_image", "face_photo", "face_data", "face_vector", "face_embedding",
    "密码", "口令", "磁道", "安全码", "指纹", "人脸", "虹膜", "声纹", "掌纹",
)  # fmt: skip
_WORDS = ("pwd", "pin", "cvv", "cvc", "cvn", "iris")
_ABOUT_ONE = {
    "at", "on", "date", "time", "count", "changed", "reset", "set", "policy", "strength", "expired", "error", "errors",
    "attempt", "attempts", "failed", "failures", "enabled", "updated", "status", "type",
}  # fmt: skip
_ABOUT_ONE_CHINESE = ("时间", "次数", "日期", "状态", "标志")
_OF_A_MACHINE = ("devicefingerprint", "browserfingerprint", "canvasfingerprint", "设备指纹")
_ANYWHERE = "|".join(part.replace("_", "[_ -]?") for part in (*_ALWAYS, *_PARTS, "track_[123]"))
_AS_A_WORD = "|".join(_WORDS)
_IN_CAMEL_CASE = "|".join(f"{word.capitalize()}|{word.upper()}" for word in _WORDS)
_SUSPECT = rf'(?i:{_ANYWHERE})|(["_. -](?i:{_AS_A_WORD})|[a-z0-9]({_IN_CAMEL_CASE}))["_. 0-9A-Z-]'
_KEY_NAMES = re.compile(r'"((?:[^"\\]|\\.){1,120})"\s*:')
_CARET, _EQUALS, _SEMICOLON = r"(\^|\\u005[eE])", r"(=|\\u003[dD])", r"(;|\\u003[bB])"
_TRACK = (
    rf"[Bb][0-9]{{12,19}}{_CARET}[^\^\n]{{2,26}}{_CARET}[0-9]{{4}}"
    rf"|{_SEMICOLON}[0-9]{{12,19}}{_EQUALS}[0-9]{{7}}"
    rf"|[0-9]{{13,19}}{_EQUALS}[0-9]{{7,40}}\?"
)


def is_c3_name(name: str) -> bool:
    """True for the name of a column or key that would hold such a value; `password_changed_at` only speaks of one."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", name)]
    plain = re.sub(r"[\W_]+", "", name.lower())
    if any(part.replace("_", "") in plain for part in _ALWAYS):
        return True
    tracks = any(pair[0] == "track" and pair[1] in ("1", "2", "3") for pair in zip(words, words[1:], strict=False))
    named = any(word in _WORDS for word in words) or any(part.replace("_", "") in plain for part in _PARTS)
    if not (tracks or named):
        return False
    speaks_of_one = bool(words) and (words[-1] in _ABOUT_ONE or words[0] in ("is", "has"))
    return not (speaks_of_one or plain.endswith(_ABOUT_ONE_CHINESE) or any(p in plain for p in _OF_A_MACHINE))


def refuse_columns(names: Sequence[str], known: Collection[str]) -> None:
    """Raises UnreadableFile with the position of a column, not among the known ones, that is named like a C3 value."""
    for position, name in enumerate(names, start=1):
        if name not in known and is_c3_name(name):
            raise UnreadableFile("c3_column", f"column {position} {_SENTENCE}")


def refuse_keys(text: bytes, first_line: int) -> None:
    """Raises UnreadableFile with the line of a JSON key, however deep, that is named like a C3 value."""
    if not _matches(text, _SUSPECT):
        return
    lines = pa.array(text.decode("utf-8", "replace").split("\n"))
    judged: dict[str, bool] = {}
    for at in np.flatnonzero(pc.match_substring_regex(lines, _SUSPECT).to_numpy(zero_copy_only=False)).tolist():
        for name in _KEY_NAMES.findall(lines[at].as_py()):
            if name not in judged:
                judged[name] = is_c3_name(name)
            if judged[name]:
                raise UnreadableFile("c3_column", f"line {first_line + at}: a key {_SENTENCE}")


def refuse_tracks(text: bytes, first_line: int) -> None:
    """Raises UnreadableFile with the line in which the data of a card's magnetic track stands."""
    may_hold_one = b"^" in text or (b"=" in text and (b";" in text or b"?" in text)) or b"\\u00" in text
    if may_hold_one and _matches(text, _TRACK):
        found = re.search(_TRACK.encode(), text)
        before = text.count(b"\n", 0, found.start()) if found else 0
        raise UnreadableFile("c3_value", f"line {first_line + before} holds the data of a card's magnetic track")


def refuse_tracks_in(rows: pa.RecordBatch, first_row: int) -> None:
    """The same for columns of text; says the row."""
    for values in rows.columns:
        hits = pc.fill_null(pc.match_substring_regex(values, _TRACK), False)
        if pc.any(hits).as_py():
            row = first_row + pc.index(hits, True).as_py()
            raise UnreadableFile("c3_value", f"row {row} holds the data of a card's magnetic track")


def _matches(text: bytes, pattern: str) -> bool:
    """One pass of RE2 over the whole text, an order of magnitude faster than Python's."""
    offsets = pa.array([0, len(text)], pa.int64()).buffers()[1]
    whole = pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(text))
    return bool(pc.match_substring_regex(whole, pattern)[0].as_py())
