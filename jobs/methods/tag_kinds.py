"""The kinds of tags that rules compute now: layered, metric and event_preference.

Layered and metric rules are Columns over rows with one struct per source; an event preference is counted from
events. Kinds that follow later (first_last, day_distribution, rfm, import, model) get a parser here and an entry
in `PARSERS`; until then the grammar refuses them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.methods.tag_rules import Condition, Field, TagRuleError, literal, parse_condition, parse_field

NUMERIC = ("bigint", "int", "double")


@dataclass(frozen=True)
class ColumnRule:
    """A layered or metric rule: `value` is the tag's value as text, null where the tag does not apply."""

    value: Column
    fields: tuple[Field, ...]

    @property
    def evidence(self) -> Column:
        """`name=value` of every field the rule looks at, null values as `none`."""
        parts = [F.concat(F.lit(f"{f.name}="), F.coalesce(_as_text(f), F.lit("none"))) for f in self.fields]
        return F.concat_ws("; ", *parts)


@dataclass(frozen=True)
class EventPreferenceRule:
    """The `top` values of a property by number of events, or by the sum of a number, in the last `days` days.

    Attributes:
        events: names of the events that count; empty for all.
        property: column of silver.events whose values compete.
        sum_of: column that is summed, None to count events.
        least: a value below this count or sum does not compete.
    """

    events: tuple[str, ...]
    property: str
    sum_of: str | None
    days: int
    top: int
    least: int


Rule = ColumnRule | EventPreferenceRule


def _as_text(field: Field) -> Column:
    return F.format_string("%.6g", field.column) if field.type == "double" else field.column.cast("string")


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise TagRuleError(f"{what} {value!r} must be text; quote it")
    return value


def _known_keys(rule: Mapping[str, Any], allowed: Sequence[str]) -> None:
    unknown = set(rule) - set(allowed)
    if unknown:
        raise TagRuleError(f"rule has no {', '.join(sorted(unknown))}")


def parse_layered(rule: Mapping[str, Any], types: Mapping[str, str]) -> ColumnRule:
    """`layers`: the first whose `when` holds gives its `value`; only the last may have no `when`."""
    _known_keys(rule, ("layers",))
    layers = rule.get("layers")
    if not isinstance(layers, list) or not layers:
        raise TagRuleError("a layered rule needs layers")
    picks: list[Column] = []
    fields: list[Field] = []
    for at, layer in enumerate(layers):
        _known_keys(layer, ("value", "when"))
        value = F.lit(_text(layer.get("value"), "layer value"))
        if "when" in layer:
            condition = parse_condition(layer["when"], types)
            fields.extend(condition.fields)
            picks.append(F.when(condition.column, value))
        elif at == len(layers) - 1:
            picks.append(value)
        else:
            raise TagRuleError(f"layer {layer.get('value')} has no condition and is not the last")
    return ColumnRule(F.coalesce(*picks), tuple(dict.fromkeys(fields)))


def _ascending(values: Any, what: str) -> list[Any]:
    if not isinstance(values, list) or not values or sorted(set(values)) != values:
        raise TagRuleError(f"{what} must be a list of ascending values")
    return values


def _labels(rule: Mapping[str, Any], bounds: Sequence[Any]) -> list[Column]:
    labels = rule.get("labels")
    if not isinstance(labels, list) or len(labels) != len(bounds) + 1:
        raise TagRuleError(f"{len(bounds)} bounds need {len(bounds) + 1} labels")
    return [F.lit(_text(label, "label")) for label in labels]


def _label_by(value: Column, bounds: Sequence[Column], labels: Sequence[Column]) -> Column:
    """The label of the highest bound that `value` reaches."""
    picked = F.when(value < bounds[0], labels[0])
    for bound, label in zip(bounds[1:], labels[1:], strict=False):
        picked = picked.when(value < bound, label)
    return picked.otherwise(labels[-1])


def _share_below(value: Column, population: Column) -> Column:
    """Share of the day's population with a strictly lower value, 0-1; equal values share it."""
    inside = population & value.isNotNull()
    of_day = Window.partitionBy("as_of_date", inside)
    return (F.rank().over(of_day.orderBy(value)) - 1) / F.count(F.lit(1)).over(of_day)


def _split(rule: Mapping[str, Any], field: Field, population: Column) -> Column:
    split = [word for word in ("cut", "percentile", "step") if word in rule]
    if len(split) != 1:
        raise TagRuleError("a metric rule is split by one of cut, percentile, step")
    if split == ["step"]:
        step = rule["step"]
        if "labels" in rule or not isinstance(step, int) or isinstance(step, bool) or step < 1:
            raise TagRuleError("step is a whole number from 1 and has no labels")
        return (F.floor(field.column / step) * step).cast("string")
    bounds = _ascending(rule[split[0]], split[0])
    labels = _labels(rule, bounds)
    if split == ["cut"]:
        return _label_by(field.column, [literal(bound, field) for bound in bounds], labels)
    if not all(isinstance(bound, float) and 0 < bound < 1 for bound in bounds):
        raise TagRuleError("percentiles lie between 0 and 1")
    return _label_by(_share_below(field.column, population), [F.lit(bound) for bound in bounds], labels)


def parse_metric(rule: Mapping[str, Any], types: Mapping[str, str]) -> ColumnRule:
    """A number split by `cut` values, by `percentile` of the day's population, or by a `step`.

    A bound belongs to the label above it. Percentile means the share of the population with a lower value, so
    equal values get equal labels. `population` is a condition; outside it the tag does not apply.
    """
    _known_keys(rule, ("field", "window", "measured", "population", "cut", "percentile", "step", "labels"))
    field = parse_field(rule, types)
    if field.type not in NUMERIC and not field.type.startswith("decimal"):
        raise TagRuleError(f"metric of {field.name} ({field.type}), which is no number")
    inside = Condition(F.lit(True), ())
    if "population" in rule:
        inside = parse_condition(rule["population"], types)
    value = F.when(inside.column & field.column.isNotNull(), _split(rule, field, inside.column))
    return ColumnRule(value, tuple(dict.fromkeys((field, *inside.fields))))


def _whole(rule: Mapping[str, Any], name: str, default: int) -> int:
    value = rule.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise TagRuleError(f"{name} is a whole number from 1")
    return value


def parse_event_preference(rule: Mapping[str, Any], types: Mapping[str, str]) -> EventPreferenceRule:
    """See EventPreferenceRule; `days` may not exceed what the job reads (its Params)."""
    _known_keys(rule, ("events", "property", "by", "sum_of", "days", "top", "least"))
    events = rule.get("events", [])
    if not isinstance(events, list):
        raise TagRuleError("events is a list of event names")
    name = parse_field({"field": f"events.{rule.get('property')}"}, types).name.partition(".")[2]
    by, sum_of = rule.get("by", "count"), rule.get("sum_of")
    if by not in ("count", "sum") or (by == "sum") != (sum_of is not None):
        raise TagRuleError("by is count, or sum with a sum_of")
    if sum_of is not None and parse_field({"field": f"events.{sum_of}"}, types).type not in ("bigint", "int"):
        raise TagRuleError(f"sum_of {sum_of} is no whole number")
    return EventPreferenceRule(
        events=tuple(_text(event, "event") for event in events),
        property=name,
        sum_of=sum_of,
        days=_whole(rule, "days", 30),
        top=_whole(rule, "top", 1),
        least=_whole(rule, "least", 1),
    )


PARSERS: dict[str, Callable[[Mapping[str, Any], Mapping[str, str]], Rule]] = {
    "layered": parse_layered,
    "metric": parse_metric,
    "event_preference": parse_event_preference,
}
LATER_KINDS = ("first_last", "day_distribution", "rfm", "import", "model")


def parse_rule(kind: str, rule: Any, types: Mapping[str, str]) -> Rule:
    """The rule of a tag; raises TagRuleError for what its kind does not know."""
    if kind in LATER_KINDS:
        raise TagRuleError(f"kind {kind} is not computed yet")
    if kind not in PARSERS or not isinstance(rule, Mapping):
        raise TagRuleError(f"kind {kind!r} is none of {', '.join(PARSERS)}, or its rule is no mapping")
    return PARSERS[kind](rule, types)


def by_tag(values: Mapping[str, int]) -> Column:
    """The value of the row's `tag_code`."""
    return F.coalesce(*[F.when(F.col("tag_code") == code, F.lit(value)) for code, value in values.items()])


def score_preferences(events: DataFrame, rules: Mapping[str, EventPreferenceRule]) -> DataFrame:
    """One row per as_of_date, customer_no, device_id, `tag_code` and `value`: the `score` of the value there.

    All rules in one look at the events, which have as_of_date and the columns of silver.events.
    """

    def entry(code: str, rule: EventPreferenceRule) -> Column:
        value = F.col(rule.property).cast("string")
        competes = (F.datediff("as_of_date", "event_date") < rule.days) & (F.coalesce(value, F.lit("")) != "")
        if rule.events:
            competes = competes & F.col("event").isin(*rule.events)
        amount = F.coalesce(F.col(rule.sum_of), F.lit(0)) if rule.sum_of else F.lit(1)
        named = {"tag_code": F.lit(code), "value": value, "score": amount.cast("bigint")}
        return F.when(competes, F.struct(*[column.alias(name) for name, column in named.items()]))

    owner = ("as_of_date", "customer_no", "device_id")
    entries = F.array_compact(F.array(*[entry(code, rule) for code, rule in rules.items()]))
    scored = events.select(*owner, F.explode(entries).alias("_entry")).select(*owner, "_entry.*")
    return scored.groupBy(*owner, "tag_code", "value").agg(F.sum("score").alias("score"))


def rank_preferences(scores: DataFrame, rules: Mapping[str, EventPreferenceRule]) -> DataFrame:
    """One row per one_id, as_of_date and `tag_code`: `value` (the top values, best first, joined by |) and `evidence`.

    `scores` are those of `score_preferences` with their one_id. Equal scores: the value that sorts first wins.
    """
    tag = ("one_id", "as_of_date", "tag_code")
    total = scores.groupBy(*tag, "value").agg(F.sum("score").alias("score"))
    enough = total.where(F.col("score") >= by_tag({code: rule.least for code, rule in rules.items()}))
    ranked = enough.groupBy(*tag).agg(
        F.sort_array(F.collect_list(F.struct((-F.col("score")).alias("rank"), "value"))).alias("_ranked")
    )
    best = ranked.withColumn("best", F.slice("_ranked", 1, by_tag({code: rule.top for code, rule in rules.items()})))
    shown = F.transform("best", lambda i: F.concat(i["value"], F.lit("="), (-i["rank"]).cast("string")))
    return best.select(
        *tag,
        F.array_join(F.transform("best", lambda item: item["value"]), "|").alias("value"),
        F.array_join(shown, "; ").alias("evidence"),
    )
