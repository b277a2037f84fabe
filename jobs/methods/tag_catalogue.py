"""The records of conf/tags/*.yaml: who owns a tag, what it means, and the rule in our grammar.

A record is {code, name, owner, department, kind, definition, refresh, validity_days, sensitivity, version, rule}.
`rule_hash` covers what decides the value (kind, rule, validity); conf/tags/versions.lock keeps code, version and hash,
and a test refuses a changed hash under an unchanged version.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.methods.tag_kinds import LATER_KINDS, PARSERS, Rule, parse_rule
from jobs.methods.tag_rules import TagRuleError

_CODE = re.compile(r"[A-Za-z0-9_]+\Z")
_TEXTS = ("code", "name", "owner", "department", "kind", "definition", "refresh", "sensitivity")
_NUMBERS = ("validity_days", "version")
REFRESHES = ("daily", "weekly", "monthly")


@dataclass(frozen=True)
class Tag:
    """One tag's record.

    Attributes:
        validity_days: natural days a value may be used after its as-of date.
        sensitivity: JR/T 0158 level and JR/T 0171 class of the value, e.g. `2/C1`.
        version: goes up with every change of kind, rule or validity.
    """

    code: str
    name: str
    owner: str
    department: str
    kind: str
    definition: str
    refresh: str
    validity_days: int
    sensitivity: str
    version: int
    rule: Mapping[str, Any]

    @property
    def rule_text(self) -> str:
        """Kind, rule and validity as canonical JSON."""
        decides = {"kind": self.kind, "rule": self.rule, "validity_days": self.validity_days}
        return json.dumps(decides, sort_keys=True, ensure_ascii=False, default=str)

    @property
    def rule_hash(self) -> str:
        """First 16 hex digits of the SHA-256 of `rule_text`."""
        return hashlib.sha256(self.rule_text.encode()).hexdigest()[:16]

    def parse(self, types: Mapping[str, str]) -> Rule:
        """The rule, its fields checked against `types`; raises TagRuleError naming the tag."""
        try:
            return parse_rule(self.kind, self.rule, types)
        except TagRuleError as wrong:
            raise TagRuleError(f"tag {self.code}: {wrong}") from wrong


def _read_tag(record: Any) -> Tag:
    if not isinstance(record, Mapping) or set(record) != {*_TEXTS, *_NUMBERS, "rule"}:
        code = record.get("code") if isinstance(record, Mapping) else record
        raise TagRuleError(f"tag {code!r}: a record has {', '.join((*_TEXTS, *_NUMBERS, 'rule'))}, each once")
    for name in _TEXTS:
        if not isinstance(record[name], str) or not record[name]:
            raise TagRuleError(f"tag {record['code']!r}: {name} must be text; quote it")
    for name in _NUMBERS:
        if not isinstance(record[name], int) or isinstance(record[name], bool) or record[name] < 1:
            raise TagRuleError(f"tag {record['code']}: {name} must be a whole number from 1")
    if not _CODE.match(record["code"]):
        raise TagRuleError(f"tag {record['code']!r}: a code has letters, digits and _ only")
    if record["refresh"] not in REFRESHES:
        raise TagRuleError(f"tag {record['code']}: refresh is none of {', '.join(REFRESHES)}")
    if record["kind"] not in (*PARSERS, *LATER_KINDS):
        raise TagRuleError(f"tag {record['code']}: kind {record['kind']} is unknown")
    return Tag(**record)


def read_tags(records: Iterable[Any]) -> tuple[Tag, ...]:
    """The tags sorted by code; raises TagRuleError for a broken record or a code that stands twice."""
    tags = sorted((_read_tag(record) for record in records), key=lambda tag: tag.code)
    for one, other in zip(tags, tags[1:], strict=False):
        if one.code == other.code:
            raise TagRuleError(f"tag {one.code} stands twice")
    return tuple(tags)


def changed_without_version(tags: Iterable[Tag], lock: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One sentence per tag that the lock does not know, or whose rule changed while its version did not go up."""
    found = []
    for tag in tags:
        kept = lock.get(tag.code)
        if kept is None:
            found.append(f"tag {tag.code} is not in the lock")
        elif tag.version < kept["version"]:
            found.append(f"tag {tag.code}: version {tag.version} is below {kept['version']}")
        elif tag.rule_hash != kept["hash"] and tag.version == kept["version"]:
            found.append(f"tag {tag.code}: the rule changed, version {tag.version} did not")
        elif tag.version > kept["version"]:
            found.append(f"tag {tag.code}: version {tag.version} is new; write it into the lock")
    return found
