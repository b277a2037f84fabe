"""The tracking plan as column rules: which events and properties there are, of which type, and what is missing.

Properties arrive as one JSON text. It is parsed once, to a map of texts; every rule and typed value comes from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.methods.source_types import to_boolean, to_integer

MAP_TYPE = "map<string,string>"
PROPERTIES = "_properties"
PLANNED = "_planned"
SPARK_TYPES = {"string": "string", "integer": "bigint", "decimal": "decimal(18,4)", "boolean": "boolean"}


@dataclass(frozen=True)
class Property:
    """A property of the plan, over all events that have it.

    Attributes:
        type: string, integer, decimal or boolean.
        enum: allowed texts, empty when any will do.
    """

    name: str
    type: str
    enum: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrackingPlan:
    """Events with their page kind, the properties each may have, and the ones it must have."""

    page_kinds: Mapping[str, str]
    allowed: Mapping[str, tuple[str, ...]]
    required: Mapping[str, tuple[str, ...]]
    properties: Mapping[str, Property]


def read_plan(plan: Mapping[str, Any]) -> TrackingPlan:
    """The plan of `conf/tracking_plan.yaml`; raises ValueError when a property has two types or an unknown one."""
    properties: dict[str, Property] = {}
    for event, entry in plan["events"].items():
        for name, rule in (entry.get("properties") or {}).items():
            found = Property(name, str(rule["type"]), tuple(str(value) for value in rule.get("enum") or ()))
            if found.type not in SPARK_TYPES:
                raise ValueError(f"tracking plan: {event}.{name}: type {found.type} is none of {sorted(SPARK_TYPES)}")
            if properties.setdefault(name, found) != found:
                raise ValueError(f"tracking plan: {event}.{name}: another event gives it another type or enum")
    names = {event: dict(entry.get("properties") or {}) for event, entry in plan["events"].items()}
    return TrackingPlan(
        {event: str(entry["page_kind"]) for event, entry in plan["events"].items()},
        {event: tuple(sorted(rules)) for event, rules in names.items()},
        {
            event: tuple(sorted(n for n, rule in rules.items() if rule.get("required")))
            for event, rules in names.items()
        },
        properties,
    )


def _names(names: Sequence[str]) -> Column:
    return F.array(*[F.lit(name) for name in names]) if names else F.array().cast("array<string>")


def planned(plan: TrackingPlan, event: Column) -> Column:
    """Struct of page_kind, allowed and required names for an event; null for one the plan does not know."""
    entries: list[Column] = []
    for name, page_kind in plan.page_kinds.items():
        entry = F.struct(
            F.lit(page_kind).alias("page_kind"),
            _names(plan.allowed[name]).alias("allowed"),
            _names(plan.required[name]).alias("required"),
        )
        entries += [F.lit(name), entry]
    return F.try_element_at(F.create_map(*entries), event)


def parse(text: Column) -> Column:
    """The properties as a map of texts; null for what is no JSON object; empty text has no properties."""
    filled = F.when(F.coalesce(F.trim(text), F.lit("")) == "", F.lit("{}")).otherwise(text)
    return F.from_json(filled, MAP_TYPE)


def value_of(name: str) -> Column:
    """Text of a property the event may have; null when absent, empty or not planned for the event."""
    text = F.try_element_at(F.col(PROPERTIES), F.lit(name))
    return F.when(F.array_contains(F.col(f"{PLANNED}.allowed"), F.lit(name)), F.nullif(text, F.lit("")))


def typed(rule: Property) -> Column:
    """The property in its planned type; null where its text does not cast."""
    text = value_of(rule.name)
    if rule.type == "integer":
        return F.coalesce(to_integer(text), to_integer(F.regexp_extract(text, r"^([+-]?[0-9]+)[.]0+$", 1)))
    if rule.type == "decimal":
        return text.try_cast(SPARK_TYPES["decimal"])
    if rule.type == "boolean":
        return to_boolean(text)
    return text


def any_of(conditions: Sequence[Column]) -> Column:
    """True when one of them holds; null counts as false."""
    return reduce(lambda left, right: left | right, [F.coalesce(c, F.lit(False)) for c in conditions], F.lit(False))


def lacks_required() -> Column:
    """True when a property the event must have is absent, null or empty."""
    filled = F.map_keys(F.map_filter(F.col(PROPERTIES), lambda _, value: F.coalesce(value, F.lit("")) != ""))
    return F.size(F.array_except(F.col(f"{PLANNED}.required"), filled)) > 0


def has_wrong_type(plan: TrackingPlan, columns: Mapping[str, Column]) -> Column:
    """True when a planned property has a text that does not cast to its type; `columns` are the typed values."""
    checked = [rule for rule in plan.properties.values() if rule.type != "string"]
    return any_of([value_of(rule.name).isNotNull() & columns[rule.name].isNull() for rule in checked])


def breaks_enum(plan: TrackingPlan) -> Column:
    """True when a property has a value outside its list."""
    return any_of([~value_of(rule.name).isin(*rule.enum) for rule in plan.properties.values() if rule.enum])


def dropped_properties() -> Column:
    """Sorted names of properties the plan does not know for the event."""
    return F.array_sort(F.array_except(F.map_keys(F.col(PROPERTIES)), F.col(f"{PLANNED}.allowed")))


def cast_properties(plan: TrackingPlan, text: Column) -> Column:
    """Sorted names of planned properties delivered in another JSON type than planned.

    A first expression looks whether any property is; only then each is looked at.
    """
    patterns = {rule.name: _other_json_type(rule) for rule in plan.properties.values()}
    anywhere = text.rlike("|".join(patterns.values()))
    each = [F.when(text.rlike(pattern) & value_of(name).isNotNull(), F.lit(name)) for name, pattern in patterns.items()]
    return F.when(anywhere, F.array_sort(F.array_compact(F.array(*each)))).otherwise(_names(()))


def _other_json_type(rule: Property) -> str:
    """Regular expression of the property with a value in another JSON type."""
    wrong = {"string": r"[-0-9tf\[{]", "boolean": r'["0-9\[{-]'}.get(rule.type, r'["tf\[{]')
    decimals = r"|-?[0-9]+[.]" if rule.type == "integer" else ""
    return rf'"{rule.name}"\s*:\s*(?:{wrong}{decimals})'
