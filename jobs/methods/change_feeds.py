"""From a delivered feed of a master to the rows of its change log: read, judge, mark repeats, reconcile.

A change feed has change_seq, op (S, I, U, D) and changed_at beside the columns of its entity, and a deletion carries
the last state. A list feed has the columns of its entity only.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.methods.change_log import add_change_columns, add_list_columns, reconcile
from jobs.methods.delivered_fields import Field, drop_texts, is_late, moment, read_fields, reading_rules, text
from jobs.methods.source_types import to_integer
from jobs.methods.verdicts import Rule, judge, mark_repeats

OPERATIONS = ("S", "I", "U", "D")


def log_of_changes(
    feed: DataFrame, *, fields: Sequence[Field], key: Sequence[str], earlier: DataFrame, time_zone: str
) -> DataFrame:
    """Every row of a change feed as a row of the log, with verdict, and the deletions its snapshots imply.

    `fields` are those of the entity, `key` its key, `earlier` the log before the run; changed_at in the feed is local
    to `time_zone`.
    """
    every = [*fields, Field("change_sequence", to_integer("change_sequence"), "a_number"), text("op")]
    every.append(moment("changed_at", time_zone))
    read = add_change_columns(read_fields(feed.withColumnRenamed("change_seq", "change_sequence"), every), time_zone)
    judged = judge(read, [*reading_rules(every), Rule("op_unknown", ~F.col("op").isin(*OPERATIONS))])
    return _reconciled(drop_texts(judged, every), key, earlier, time_zone)


def log_of_lists(
    feed: DataFrame, *, fields: Sequence[Field], key: Sequence[str], earlier: DataFrame, time_zone: str
) -> DataFrame:
    """Every row of a list feed as a row of the log, with verdict, and the deletions of what a list no longer has.

    The arguments are those of `log_of_changes`.
    """
    read = add_list_columns(read_fields(feed, fields), time_zone)
    judged = judge(read, reading_rules(fields))
    return _reconciled(drop_texts(judged, fields), key, earlier, time_zone)


def _reconciled(judged: DataFrame, key: Sequence[str], earlier: DataFrame, time_zone: str) -> DataFrame:
    marked = mark_repeats(judged, key=key, version=["change_sequence"], earlier=earlier, is_late=is_late())
    return reconcile(marked, delivered=judged, earlier=earlier, key=key, time_zone=time_zone)
