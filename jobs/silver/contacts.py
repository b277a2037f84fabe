"""silver.contacts: one row per contact_id as delivered: a call, visit, WeCom chat, hotline call or complaint.

A contact of a prospect has no customer_no. Identities in the text were scrubbed by the reader.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from jobs.methods.delivered_fields import (
    Field,
    drop_texts,
    is_late,
    moment,
    read_fields,
    reading_rules,
    text,
    whole_number,
)
from jobs.methods.source_types import local_date
from jobs.methods.verdicts import judge, mark_repeats

KEY = ("contact_id",)


@dataclass(frozen=True)
class Params:
    """Values of conf/base.yaml.

    Attributes:
        time_zone: of the feed's times and of contact_date.
    """

    time_zone: str


def contact_fields(time_zone: str) -> list[Field]:
    """The feed's columns and how their text reads."""
    return [
        text("contact_id"),
        *[text(name, required=False) for name in ("customer_no", "phone", "adviser_id")],
        text("kind"),
        text("direction"),
        text("topic", required=False),
        text("text", required=False),
        moment("started_at", time_zone),
        moment("answered_at", time_zone, required=False),
        moment("resolved_at", time_zone, required=False),
        whole_number("satisfaction", required=False),
    ]


def build(*, contacts: DataFrame, earlier: DataFrame, params: Params) -> DataFrame:
    """The contacts delivered in the run's nights, each delivered row with its verdict."""
    fields = contact_fields(params.time_zone)
    dated = read_fields(contacts, fields).withColumn("contact_date", local_date("started_at", params.time_zone))
    judged = judge(dated, reading_rules(fields))
    return mark_repeats(drop_texts(judged, fields), key=KEY, earlier=earlier, is_late=is_late())
