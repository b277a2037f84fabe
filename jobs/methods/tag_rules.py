"""The grammar of tag conditions: structured YAML in, one boolean Column out. No text ever becomes SQL.

    condition  := {all: [condition, ...]} | {any: [condition, ...]} | {not: condition} | comparison
    comparison := {field: <source>.<column>, window: <n>td | <n>d, measured: days_since | years_since,
                   operator: <operator>, value: <value>}

`window` names the window column of a measure: {field: windows.trade_count, window: 20td} is the column
`trade_count_20td` of the windows. `measured` turns a date into whole days or years until the as-of date.
A comparison with a missing value is false, so its negation is true; only `is_missing` is true for one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\Z")
_WINDOW = re.compile(r"[1-9][0-9]*t?d\Z")
_MEASURED = ("days_since", "years_since")
_WITHOUT_VALUE = ("is_missing", "is_present")
_COMPARE: dict[str, Callable[[Column, Column], Column]] = {
    "equals": lambda left, right: left == right,
    "not_equals": lambda left, right: left != right,
    "less_than": lambda left, right: left < right,
    "at_most": lambda left, right: left <= right,
    "greater_than": lambda left, right: left > right,
    "at_least": lambda left, right: left >= right,
}
_OF_LISTS = ("one_of", "not_one_of", "between")
OPERATORS = (*_COMPARE, *_OF_LISTS, *_WITHOUT_VALUE)


class TagRuleError(ValueError):
    """A rule that the grammar or the contracts do not know; the sentence names the part."""


@dataclass(frozen=True)
class Field:
    """A column of one of the tag sources, perhaps measured against the as-of date.

    Attributes:
        name: `<source>.<column>`, window suffix included.
        type: Spark SQL type of the value that is compared.
        measured: days_since, years_since or None.
    """

    name: str
    type: str
    measured: str | None = None

    @property
    def column(self) -> Column:
        """The value, over rows with one struct per source and `as_of_date`."""
        if self.measured == "days_since":
            return F.datediff(F.col("as_of_date"), F.col(self.name))
        if self.measured == "years_since":
            return F.floor(F.months_between(F.col("as_of_date"), F.col(self.name)) / 12).cast("int")
        return F.col(self.name)


@dataclass(frozen=True)
class Condition:
    """A parsed condition: the Column and the fields it looks at, in order, each once."""

    column: Column
    fields: tuple[Field, ...]


def parse_field(item: Mapping[str, Any], types: Mapping[str, str]) -> Field:
    """The field of a comparison or measure; `types` has the Spark type of every `<source>.<column>`."""
    name = item.get("field")
    if not isinstance(name, str) or not _NAME.match(name):
        raise TagRuleError(f"field {name!r} is no <source>.<column>")
    window = item.get("window")
    if window is not None:
        if not isinstance(window, str) or not _WINDOW.match(window):
            raise TagRuleError(f"window {window!r} of {name} is not like 20td or 30d")
        name = f"{name}_{window}"
    if name not in types:
        raise TagRuleError(f"field {name} is in no contract a tag may read")
    measured = item.get("measured")
    if measured is None:
        return Field(name, types[name])
    if measured not in _MEASURED or types[name] != "date":
        raise TagRuleError(f"measured {measured!r} of {name}: only {', '.join(_MEASURED)}, and of dates")
    return Field(name, "int", measured)


def _as_decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    return Decimal(str(value))


def _as_date(value: Any) -> date:
    if isinstance(value, datetime):
        raise TypeError
    return value if isinstance(value, date) else date.fromisoformat(value)


def _python_value(value: Any, type_: str) -> Any:
    if type_.startswith("decimal"):
        return _as_decimal(value)
    if type_ in ("bigint", "int"):
        number = _as_decimal(value)
        if number != int(number):
            raise TypeError
        return int(number)
    if type_ == "double":
        return float(_as_decimal(value))
    if type_ == "date":
        return _as_date(value)
    if isinstance(value, {"string": str, "boolean": bool}[type_]):
        return value
    raise TypeError


def literal(value: Any, field: Field) -> Column:
    """`value` as a literal of the field's type; raises TagRuleError when it is none."""
    try:
        return F.lit(_python_value(value, field.type))
    except (TypeError, ValueError, KeyError, InvalidOperation) as wrong:
        raise TagRuleError(f"value {value!r} does not fit {field.name} ({field.type})") from wrong


def _compare_with_list(operator: str, field: Field, values: Any) -> Column:
    if not isinstance(values, list) or not values:
        raise TagRuleError(f"operator {operator} of {field.name} needs a list")
    literals = [literal(value, field) for value in values]
    if operator == "between":
        if len(literals) != 2:
            raise TagRuleError(f"operator between of {field.name} needs two values")
        return field.column.between(*literals)
    found = field.column.isin(*literals)
    return found if operator == "one_of" else ~found


def _parse_comparison(item: Mapping[str, Any], types: Mapping[str, str]) -> Condition:
    unknown = set(item) - {"field", "window", "measured", "operator", "value"}
    if unknown:
        raise TagRuleError(f"a comparison has no {', '.join(sorted(unknown))}")
    field, operator = parse_field(item, types), item.get("operator")
    if operator not in OPERATORS:
        raise TagRuleError(f"operator {operator!r} of {field.name} is none of {', '.join(OPERATORS)}")
    if (operator in _WITHOUT_VALUE) == ("value" in item):
        raise TagRuleError(f"operator {operator} of {field.name}: value missing or too many")
    if operator in _WITHOUT_VALUE:
        missing = field.column.isNull()
        return Condition(missing if operator == "is_missing" else ~missing, (field,))
    if operator in _OF_LISTS:
        compared = _compare_with_list(operator, field, item["value"])
    else:
        compared = _COMPARE[operator](field.column, literal(item["value"], field))
    return Condition(F.coalesce(compared, F.lit(False)), (field,))


def parse_condition(item: Any, types: Mapping[str, str]) -> Condition:
    """The condition as a Column that is true or false, never null; raises TagRuleError."""
    if not isinstance(item, Mapping) or not item:
        raise TagRuleError(f"condition {item!r} is no mapping")
    for word in ("all", "any", "not"):
        if word in item:
            return _parse_junction(word, item, types)
    return _parse_comparison(item, types)


def _parse_junction(word: str, item: Mapping[str, Any], types: Mapping[str, str]) -> Condition:
    if len(item) != 1:
        raise TagRuleError(f"'{word}' stands beside {', '.join(sorted(set(item) - {word}))}")
    if word == "not":
        inner = parse_condition(item[word], types)
        return Condition(~inner.column, inner.fields)
    if not isinstance(item[word], list) or not item[word]:
        raise TagRuleError(f"'{word}' needs a list of conditions")
    parts = [parse_condition(part, types) for part in item[word]]
    column = parts[0].column
    for part in parts[1:]:
        column = (column & part.column) if word == "all" else (column | part.column)
    return Condition(column, tuple(dict.fromkeys(field for part in parts for field in part.fields)))
