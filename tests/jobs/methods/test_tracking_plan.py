"""The tracking plan: what it may say, and the plan of this repository."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from jobs.methods.tracking_plan import read_plan
from jobs.silver.events import PROPERTY_COLUMNS
from jobs.silver.visits import PAGE_KINDS


def test_read_plan__property_with_two_types__is_refused() -> None:
    plan = {
        "events": {
            "a": {"page_kind": "other", "properties": {"position": {"type": "integer"}}},
            "b": {"page_kind": "other", "properties": {"position": {"type": "string"}}},
        }
    }
    with pytest.raises(ValueError, match=r"b\.position: another event"):
        read_plan(plan)


def test_read_plan__unknown_type__is_refused() -> None:
    with pytest.raises(ValueError, match="type float is none of"):
        read_plan({"events": {"a": {"page_kind": "other", "properties": {"x": {"type": "float"}}}}})


def test_read_plan__required_and_allowed__by_event() -> None:
    plan = read_plan(
        {
            "events": {
                "a": {
                    "page_kind": "other",
                    "properties": {"y": {"type": "string"}, "x": {"type": "string", "required": True}},
                }
            }
        }
    )
    assert (plan.allowed["a"], plan.required["a"]) == (("x", "y"), ("x",))


def test_read_plan__plan_of_the_project__has_known_page_kinds_and_column_types(project: Path) -> None:
    plan = read_plan(yaml.safe_load((project / "conf" / "tracking_plan.yaml").read_text(encoding="utf-8")))
    assert set(plan.page_kinds.values()) <= set(PAGE_KINDS)
    types = {"string": "string", "integer": "bigint"}
    typed = {name: types[rule.type] for name, rule in plan.properties.items() if name in PROPERTY_COLUMNS}
    assert typed == {name: PROPERTY_COLUMNS[name] for name in typed}
