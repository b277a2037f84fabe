"""The tracking plan as column rules: which events and properties there are, of which type, and what is missing.

Properties arrive as one JSON text. It is parsed once, to a map of texts, and each property looked up once, into a
column; every rule and typed value comes from these columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.methods import folds
from jobs.methods.source_types import to_boolean, to_integer

MAP_TYPE = "map<string,string>"
PROPERTIES = "_properties"
VALUE_OF = "_value_"
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


def _by_event(entries: Mapping[str, Column], event: Column) -> Column:
    """The entry of an event; null for one the plan does not know."""
    pairs = [part for name, entry in entries.items() for part in (F.lit(name), entry)]
    return F.try_element_at(F.create_map(*pairs), event)


def _is_one_of(event: Column, names: Mapping[str, Sequence[str]], name: str) -> Column:
    """True for an event whose list in `names` has the property."""
    events = [one for one, listed in names.items() if name in listed]
    return event.isin(*events) if events else F.lit(False)


def page_kind(plan: TrackingPlan, event: Column) -> Column:
    """What an event's time counts as; null for an event the plan does not know."""
    return _by_event({name: F.lit(kind) for name, kind in plan.page_kinds.items()}, event)


def parse(text: Column) -> Column:
    """The properties as a map of texts; null for what is no JSON object; empty text has no properties."""
    filled = F.when(F.coalesce(F.trim(text), F.lit("")) == "", F.lit("{}")).otherwise(text)
    return F.from_json(filled, MAP_TYPE)


def look_up(plan: TrackingPlan, event: Column) -> dict[str, Column]:
    """A column per property with its text: null when absent, empty or not planned for the event."""
    found = {name: F.try_element_at(F.col(PROPERTIES), F.lit(name)) for name in plan.properties}
    return {
        f"{VALUE_OF}{name}": F.when(_is_one_of(event, plan.allowed, name) & (text != ""), text)
        for name, text in found.items()
    }


def value_of(name: str) -> Column:
    """The column that `look_up` gave a property."""
    return F.col(f"{VALUE_OF}{name}")


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
    return folds.any_of([F.coalesce(c, F.lit(False)) for c in conditions])


def lacks_required(plan: TrackingPlan, event: Column) -> Column:
    """True when a property the event must have is absent, null or empty."""
    return any_of([_is_one_of(event, plan.required, name) & value_of(name).isNull() for name in plan.properties])


def has_wrong_type(plan: TrackingPlan, columns: Mapping[str, Column]) -> Column:
    """True when a planned property has a text that does not cast to its type; `columns` are the typed values."""
    checked = [rule for rule in plan.properties.values() if rule.type != "string"]
    return any_of([value_of(rule.name).isNotNull() & columns[rule.name].isNull() for rule in checked])


def breaks_enum(plan: TrackingPlan) -> Column:
    """True when a property has a value outside its list."""
    return any_of([~value_of(rule.name).isin(*rule.enum) for rule in plan.properties.values() if rule.enum])


def has_only_planned(plan: TrackingPlan) -> Column:
    """True when each name delivered stands once, is planned for the event and has a text."""
    counts = [value_of(name).isNotNull().cast("int") for name in plan.properties]
    return F.size(F.col(PROPERTIES)) == folds.total_of(counts)


def dropped_properties(plan: TrackingPlan, event: Column) -> Column:
    """Sorted names of properties the plan does not know for the event; null for an event it does not know.

    Few events have any: a count tells, so that lists of names are compared only where there may be one.
    """
    allowed = _by_event({name: _names(names) for name, names in plan.allowed.items()}, event)
    dropped = F.sort_array(F.array_except(F.map_keys(F.col(PROPERTIES)), allowed))
    none = has_only_planned(plan) & event.isin(*plan.page_kinds)
    return F.when(none, _names(())).otherwise(dropped)


def cast_properties(plan: TrackingPlan, text: Column, columns: Mapping[str, Column]) -> Column:
    """Sorted names of planned properties delivered in another JSON type than planned; `columns` are the typed values.

    Most events are seen to have none without a regular expression. For the others a first expression looks whether
    any property is; only then each is looked at.
    """
    plain = [
        value_of(name).isNull() | _stands_as_planned(rule, text, columns) for name, rule in plan.properties.items()
    ]
    patterns = {rule.name: _other_json_type(rule) for rule in plan.properties.values()}
    anywhere = text.rlike("|".join(patterns.values()))
    each = [F.when(text.rlike(pattern) & value_of(name).isNotNull(), F.lit(name)) for name, pattern in patterns.items()]
    surely_none = folds.all_of([has_only_planned(plan), *plain])
    cast = F.when(anywhere, F.sort_array(F.array_compact(F.array(*each)))).otherwise(_names(()))
    return F.when(surely_none, _names(())).otherwise(cast)


def _stands_as_planned(rule: Property, text: Column, columns: Mapping[str, Column]) -> Column:
    """True when the JSON surely holds the property in its type.

    Sure, where every name stands once and no value has a quotation mark: the name in its marks is then the key.
    """
    value = value_of(rule.name)
    keys = [f'"{rule.name}":{blank}' for blank in ("", " ")]
    if rule.type == "string":
        return ~value.contains('"') & any_of([text.contains(f'{key}"') for key in keys])
    as_delivered = any_of([text.contains(F.concat(F.lit(key), value)) for key in keys])
    whole = ~value.contains(".") if rule.type == "integer" else F.lit(True)
    return columns[rule.name].isNotNull() & whole & as_delivered


def _other_json_type(rule: Property) -> str:
    """Regular expression of the property with a value in another JSON type."""
    wrong = {"string": r"[-0-9tf\[{]", "boolean": r'["0-9\[{-]'}.get(rule.type, r'["tf\[{]')
    decimals = r"|-?[0-9]+[.]" if rule.type == "integer" else ""
    return rf'"{rule.name}"\s*:\s*(?:{wrong}{decimals})'
