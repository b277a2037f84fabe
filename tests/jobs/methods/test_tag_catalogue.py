from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from brokerlake.catalog import contract_of
from jobs.methods.tag_catalogue import changed_without_version, read_tags
from jobs.methods.tag_rules import TagRuleError

PROJECT = Path(__file__).resolve().parents[3]
RECORD = {
    "code": "tier",
    "name": "Tier",
    "owner": "data",
    "department": "wealth",
    "kind": "layered",
    "definition": "what it means",
    "refresh": "daily",
    "validity_days": 7,
    "sensitivity": "3/C2",
    "version": 1,
    "rule": {"layers": [{"value": "a"}]},
}
SOURCES = {
    "customer": "silver.customer_changes",
    "windows": "silver.customer_windows",
    "milestones": "silver.customer_milestones",
    "events": "silver.events",
}


def records() -> list[dict]:
    return [r for path in sorted(PROJECT.glob("conf/tags/*.yaml")) for r in yaml.safe_load(path.read_text("utf-8"))]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"code": 7}, "quote it"),
        ({"code": "a b"}, "letters"),
        ({"version": 0}, "version"),
        ({"version": True}, "version"),
        ({"refresh": "now and then"}, "refresh"),
        ({"kind": "guess"}, "guess"),
        ({"sql": "1=1"}, "each once"),
    ],
)
def test_read_tags__broken_record__is_refused_by_name(change, part):
    with pytest.raises(TagRuleError, match=part):
        read_tags([{**RECORD, **change}])


def test_read_tags__code_twice__is_refused():
    with pytest.raises(TagRuleError, match="tier stands twice"):
        read_tags([RECORD, {**RECORD, "name": "Other"}])


def test_read_tags__later_kind__is_a_record_already():
    assert read_tags([{**RECORD, "kind": "model", "rule": {}}])[0].kind == "model"


def test_changed_without_version__rule_changed__is_found():
    (tag,) = read_tags([RECORD])
    lock = {"tier": {"version": 1, "hash": tag.rule_hash}}
    assert changed_without_version([tag], lock) == []
    (other,) = read_tags([{**RECORD, "rule": {"layers": [{"value": "b"}]}}])
    assert changed_without_version([other], lock) == ["tag tier: the rule changed, version 1 did not"]
    (longer,) = read_tags([{**RECORD, "validity_days": 8}])
    assert changed_without_version([longer], lock) == ["tag tier: the rule changed, version 1 did not"]
    (renamed,) = read_tags([{**RECORD, "name": "Another name"}])
    assert changed_without_version([renamed], lock) == []
    (raised,) = read_tags([{**RECORD, "version": 2}])
    assert changed_without_version([raised], lock) == ["tag tier: version 2 is new; write it into the lock"]
    assert changed_without_version([tag], {}) == ["tag tier is not in the lock"]
    assert changed_without_version([tag], {"tier": {"version": 2, "hash": "x"}}) == ["tag tier: version 1 is below 2"]


def test_conf_tags__against_the_lock__no_rule_changed_under_its_version():
    lock = yaml.safe_load((PROJECT / "conf/tags/versions.lock").read_text("utf-8"))
    tags = read_tags(records())
    found = changed_without_version(tags, lock)
    assert found == [], {tag.code: tag.rule_hash for tag in tags if any(tag.code in line for line in found)}
    assert set(lock) == {tag.code for tag in tags}


def test_conf_tags__against_the_contracts__every_rule_parses(spark):
    types = {
        f"{source}.{column.name}": column.type
        for source, table in SOURCES.items()
        for column in contract_of(PROJECT, table).columns
    }
    tags = read_tags(records())
    for tag in tags:
        tag.parse(types)
    assert len(tags) >= 12
    assert {tag.kind for tag in tags} == {"layered", "metric", "event_preference"}
