"""YAML as configuration needs it: mappings, lists and plain values. No aliases, tags, links or endless files.

PyYAML's safe loader runs no code, but 300 bytes of aliases unfold to half a million values, and a link reads whatever
it leads to. Events are judged before anything is built of them.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from brokerlake.errors import ConfigurationError

LARGEST_BYTES = 1 << 20
DEEPEST = 20
MOST_VALUES = 100_000
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""What is a name and becomes part of a path: feeds, tables, profiles, configuration files."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """The parsed file; raises ConfigurationError with file and line when it is no plain YAML."""
    text = _read_text(path)
    try:
        _refuse_what_is_not_plain(path.name, text)
        return yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as broken:
        mark = getattr(broken, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise ConfigurationError(f"{path.name}{line}: not valid YAML") from None
    except (ValueError, OverflowError, RecursionError):
        raise ConfigurationError(f"{path.name}: a value that reads as a date or number is none; quote it") from None


def read_mapping(path: Path) -> dict[str, Any]:
    """The parsed file, which must be a mapping with text keys; an empty file is an empty mapping."""
    raw = read_yaml(path)
    if raw is None:
        return {}
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise ConfigurationError(f"{path.name}: expected a mapping")
    return raw


@contextmanager
def expected_shape(what: str) -> Iterator[None]:
    """Turns what code meets in YAML of another shape than it knows into a ConfigurationError naming the file."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, ValueError):
        raise ConfigurationError(f"{what}: not of the shape it must have") from None


def checked_name(name: object, what: str) -> str:
    """The name; raises ConfigurationError when it could be more than a name, such as a path."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ConfigurationError(f"{what}: a name has lower-case letters, digits and underscores only")
    return name


def _read_text(path: Path) -> str:
    place = f"{path.name} in {path.parent.name}/"
    try:
        found = path.stat()
        inside = path.resolve().is_relative_to(path.parent.resolve())
    except FileNotFoundError:
        raise ConfigurationError(f"{path.name}: file not found in {path.parent.name}/") from None
    except OSError:
        raise ConfigurationError(f"{place}: a link that leads nowhere") from None
    if not inside:
        raise ConfigurationError(f"{place}: a link that leads out of its folder")
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"{place}: not a plain file")
    if found.st_size > LARGEST_BYTES:
        raise ConfigurationError(f"{place}: larger than {LARGEST_BYTES >> 20} MB")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path.name}: not valid UTF-8") from None


def _refuse_what_is_not_plain(name: str, text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        fault = None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            fault = "anchors and aliases are not allowed"
        elif getattr(event, "tag", None) is not None:
            fault = "tags are not allowed"
        elif depth > DEEPEST or count > MOST_VALUES:
            fault = f"more than {MOST_VALUES} values, or nested more than {DEEPEST} deep"
        if fault:
            line = f" line {event.start_mark.line + 1}" if event.start_mark else ""
            raise ConfigurationError(f"{name}{line}: {fault}")
