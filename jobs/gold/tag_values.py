"""gold.tag_values: one row per person, as_of_date and tag that applies.

Values are text, whatever the rule's kind, so that one table holds every tag; a person to whom a tag does not apply
has no row. `value` is what readers use; it equals `computed_value` until an adviser's override stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.methods.people import attach_one_id, gather_milestones, list_people
from jobs.methods.tag_catalogue import Tag, read_tags
from jobs.methods.tag_kinds import ColumnRule, EventPreferenceRule, by_tag, rank_preferences, score_preferences
from jobs.methods.tag_rules import TagRuleError

KEY = ["one_id", "as_of_date"]
STAMPED = (
    "array<struct<tag_code: string, computed_value: string, tag_version: int, validity_days: int, evidence: string>>"
)


@dataclass(frozen=True)
class Params:
    """Attributes: event_days_back: natural days of events that are read; no tag may look back further."""

    event_days_back: int


def field_types(sources: Mapping[str, DataFrame]) -> dict[str, str]:
    """Spark type of every `<source>.<column>` a rule may name; technical columns are left out."""
    return {
        f"{source}.{name}": type_
        for source, frame in sources.items()
        for name, type_ in frame.dtypes
        if not name.startswith("_") and name not in (*KEY, "known_on")
    }


def join_sources(customer: DataFrame, windows: DataFrame, milestones: DataFrame) -> DataFrame:
    """One row per person of the CRM and as_of_date, with a struct per source (null where it has no row)."""
    joined = customer.select(*KEY, F.struct(*customer.columns).alias("customer"))
    for name, frame in (("windows", windows), ("milestones", milestones)):
        joined = joined.join(frame.select(*KEY, F.struct(*frame.columns).alias(name)), on=KEY, how="left")
    return joined


def attach_owner(rows: DataFrame, identity_map: DataFrame) -> DataFrame:
    """The rows with their one_id: of the customer logged in, else of the device's only owner."""
    by_device = attach_one_id(rows, identity_map, "device", "device_id").withColumnRenamed("one_id", "_owner")
    known = attach_one_id(by_device, identity_map, "customer", "customer_no")
    owner = F.when(F.col("customer_no").isNotNull(), F.col("one_id")).otherwise(F.col("_owner"))
    return known.withColumn("one_id", owner).where(F.col("one_id").isNotNull())


def stamp(tag: Tag, value: Column, evidence: Column) -> list[Column]:
    """The columns every tag row has besides its key."""
    return [
        F.lit(tag.code).alias("tag_code"),
        value.alias("computed_value"),
        F.lit(tag.version).alias("tag_version"),
        F.lit(tag.validity_days).alias("validity_days"),
        evidence.alias("evidence"),
    ]


def apply_column_rules(people: DataFrame, rules: Sequence[tuple[Tag, ColumnRule]]) -> DataFrame:
    """One row per person, as_of_date and layered or metric tag, null values included."""
    names = [f"_value_{at}" for at in range(len(rules))]
    valued = people.select("*", *[rule.value.alias(name) for name, (_, rule) in zip(names, rules, strict=True)])
    tags = [F.struct(*stamp(tag, F.col(name), r.evidence)) for name, (tag, r) in zip(names, rules, strict=True)]
    return valued.select(*KEY, F.explode(F.array(*tags).cast(STAMPED)).alias("tag")).select(*KEY, "tag.*")


def apply_preferences(
    events: DataFrame, identity_map: DataFrame, tags: Mapping[str, Tag], rules: Mapping[str, EventPreferenceRule]
) -> DataFrame:
    """One row per person, as_of_date and event preference that applies."""
    ranked = rank_preferences(attach_owner(score_preferences(events, rules), identity_map), rules)
    return ranked.select(
        *KEY,
        "tag_code",
        F.col("value").alias("computed_value"),
        by_tag({code: tag.version for code, tag in tags.items()}).alias("tag_version"),
        by_tag({code: tag.validity_days for code, tag in tags.items()}).alias("validity_days"),
        "evidence",
    )


def build(
    *,
    customers: DataFrame,
    windows: DataFrame,
    milestones: DataFrame,
    identity_map: DataFrame,
    events: DataFrame,
    definitions: Sequence[Mapping[str, Any]],
    params: Params,
) -> DataFrame:
    """The tag values of the run's as-of dates; raises TagRuleError for a rule no contract knows the fields of."""
    people = list_people(customers, identity_map)
    reached = gather_milestones(milestones, identity_map)
    types = field_types({"customer": people, "windows": windows, "milestones": reached, "events": events})
    rules = [(tag, tag.parse(types)) for tag in read_tags(definitions)]
    columns = [(tag, rule) for tag, rule in rules if isinstance(rule, ColumnRule)]
    found = apply_column_rules(join_sources(people, windows, reached), columns)
    preferences = {tag.code: rule for tag, rule in rules if isinstance(rule, EventPreferenceRule)}
    for code, rule in preferences.items():
        if rule.days > params.event_days_back:
            raise TagRuleError(f"tag {code}: looks back {rule.days} days, {params.event_days_back} are read")
    if preferences:
        tags = {tag.code: tag for tag, _ in rules if tag.code in preferences}
        preferred = apply_preferences(events, identity_map, tags, preferences)
        found = found.unionByName(preferred.join(people.select(*KEY), on=KEY, how="left_semi"))
    return found.where(F.col("computed_value").isNotNull()).select(
        "*",
        F.col("computed_value").alias("value"),
        F.lit(None).cast("string").alias("overridden_by"),
        F.date_add("as_of_date", F.col("validity_days")).alias("valid_until"),
    )
