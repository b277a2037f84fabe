"""Files of lines, a bounded stretch at a time: decompressed, checked, strictly decoded to UTF-8.

A line feed byte is never part of another character in UTF-8 or GB18030, so a file is cut at line feeds before it is
decoded, and line numbers stay exact.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from jobs.bronze.batch import Options, UnreadableFile
from jobs.bronze.c3 import refuse_tracks

STRETCH_BYTES = 8 << 20
MOST_TIMES_UNFOLDED = 200
ALWAYS_UNFOLDED_BYTES = 64 << 20
"""A compressed file may unfold to this, or to so many times its size; a day of events unfolds to 10 to 30 times."""
MOST_LINES = 250_000
"""Lines of a stretch; only lines of a few characters reach it before its bytes do."""
LONGEST_LINE_BYTES = 1_000_000
LINE_FEED = b"\n"
_UTF8_NAMES = {"utf-8", "ascii"}


@dataclass(frozen=True)
class Stretch:
    """Whole lines of a file as UTF-8; `first_line` is the number of the first one, `count` how many there are."""

    text: bytes
    first_line: int
    count: int


def read_stretches(path: Path, options: Options) -> Iterator[Stretch]:
    """The lines of the file; raises UnreadableFile for a NUL byte, a line over 1 MB, a wrong encoding or mark.

    Also for a file that unfolds too far, and for the data of a card's track anywhere in it.
    """
    line = 1
    pieces = (part for piece in _cut_at_lines(path, options.compression) for part in _halve(piece))
    for at, raw in enumerate(pieces):
        _refuse_nul_and_long_lines(raw, line)
        raw = _strip_mark(raw, options) if at == 0 else raw
        count = raw.count(b"\n") + (not raw.endswith(b"\n") and bool(raw))
        refuse_tracks(raw, line)
        yield Stretch(_to_utf8(raw, options.encoding, line), line, count)
        line += count


def _open(path: Path, compression: str) -> pa.NativeFile:
    return pa.input_stream(str(path), compression="gzip" if compression == "gzip" else None)


def _cut_at_lines(path: Path, compression: str) -> Iterator[bytes]:
    rest = b""
    most = max(ALWAYS_UNFOLDED_BYTES, MOST_TIMES_UNFOLDED * path.stat().st_size)
    unfolded = 0
    try:
        with _open(path, compression) as stream:
            while piece := stream.read(STRETCH_BYTES):
                unfolded += len(piece)
                if unfolded > most:
                    raise UnreadableFile("unfolds_too_far", f"unfolds to more than {most >> 20} MB")
                cut = piece.rfind(b"\n") + 1
                if not cut:
                    rest += piece
                    _refuse_nul_and_long_lines(rest, 0)
                    continue
                yield rest + piece[:cut]
                rest = piece[cut:]
    except OSError as broken:
        raise UnreadableFile("compression", f"not readable as {compression}: cut or damaged") from broken
    if rest:
        yield rest


def _halve(raw: bytes) -> Iterator[bytes]:
    """The lines in parts of at most MOST_LINES."""
    if raw.count(b"\n") <= MOST_LINES:
        yield raw
        return
    cut = raw.find(LINE_FEED, len(raw) // 2) + 1 or raw.rfind(LINE_FEED) + 1
    yield from _halve(raw[:cut])
    yield from _halve(raw[cut:])


def _line_at(raw: bytes, position: int, first_line: int) -> str:
    """The line a byte stands in, in words; `first_line` 0 means unknown."""
    return f"line {first_line + raw.count(LINE_FEED, 0, position)}" if first_line else "a line"


def _refuse_nul_and_long_lines(raw: bytes, first_line: int) -> None:
    at = raw.find(b"\0")
    if at >= 0:
        raise UnreadableFile("nul_byte", f"{_line_at(raw, at, first_line)} holds a NUL byte")
    # A line over the limit covers at least one whole window of half its length: cheap to look for.
    window = LONGEST_LINE_BYTES // 2
    for start in range(0, len(raw) - window, window):
        if raw.find(LINE_FEED, start, start + window) >= 0:
            continue
        begin, end = raw.rfind(LINE_FEED, 0, start) + 1, raw.find(LINE_FEED, start)
        if (end if end >= 0 else len(raw)) - begin > LONGEST_LINE_BYTES:
            raise UnreadableFile("line_too_long", f"{_line_at(raw, start, first_line)} is longer than 1 MB")


def _strip_mark(raw: bytes, options: Options) -> bytes:
    has_mark = raw.startswith(codecs.BOM_UTF8)
    if has_mark and not options.has_bom:
        raise UnreadableFile("byte_order_mark", "the file begins with a byte order mark, none was agreed")
    if options.has_bom and not has_mark:
        raise UnreadableFile("byte_order_mark", "the file does not begin with the byte order mark agreed on")
    return raw[len(codecs.BOM_UTF8) :] if has_mark else raw


def _to_utf8(raw: bytes, encoding: str, first_line: int) -> bytes:
    if raw.isascii():
        return raw
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as wrong:
        line = first_line + raw.count(b"\n", 0, wrong.start)
        raise UnreadableFile("encoding", f"line {line} is not valid {encoding}") from wrong
    if codecs.lookup(encoding).name in _UTF8_NAMES:
        return raw
    if _reads_as_chinese_utf8(raw):
        raise UnreadableFile("encoding", f"the file is UTF-8, agreed was {encoding}")
    return text.encode("utf-8")


def _reads_as_chinese_utf8(raw: bytes) -> bool:
    """True when all bytes are valid UTF-8 with Han characters: text in GB18030 is not, save a word or two.

    Without this, UTF-8 read as GB18030 mostly passes, as other characters.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return any("\u4e00" <= character <= "\u9fff" for character in text)
