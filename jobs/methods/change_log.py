"""Change logs and the versions derived from them.

A log is append-only: one row per change as delivered. Two kinds of feed fill it. A change feed numbers its changes
(op I, U, D) and opens with a snapshot (op S), which may come again as a reconciliation. A list feed delivers the whole
list every time. A snapshot row that says what is known already is `unchanged` and not written; a key that a snapshot
no longer has gets a `derived` deletion.

"Known already" is what the row delivered before says, in the order of nights, business dates and sequences. Only a
snapshot on time is compared: a late one speaks of its own business date, so its rows are all kept and it deletes
nothing; the next on time is written in full where a late row came between. So one pass over a range of nights writes
what night by night would, though a single night does not see the unchanged rows of those before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from jobs.methods.source_types import local_date, to_utc
from jobs.methods.verdicts import DERIVED, KEPT, UNCHANGED

SNAPSHOT, DELETED = "S", "D"
CHANGE_COLUMNS = ("change_sequence", "op", "changed_at", "effective_date", "is_deleted")
_DELIVERY = ("_delivered_on", "_business_date", "_sequence")
_ORDER = ("effective_date", "change_sequence", "_business_date", "_sequence")
_TECHNICAL = ("_file", "_line", "_row_hash", "_withdrawn")


@dataclass(frozen=True)
class _Entity:
    """What a log is about: `key` tells one entity from another, two rows are equal when their `content` is."""

    key: tuple[str, ...]
    content: tuple[str, ...]


def add_change_columns(rows: DataFrame, time_zone: str) -> DataFrame:
    """Rows of a change feed (change_sequence, op and changed_at typed) plus effective_date and is_deleted."""
    return rows.withColumns(
        {"effective_date": local_date("changed_at", time_zone), "is_deleted": F.col("op") == DELETED}
    )


def add_list_columns(rows: DataFrame, time_zone: str) -> DataFrame:
    """Rows of a list feed plus all columns of a change; it speaks of its business date from midnight on.

    A row that was withdrawn is no longer on the list of its business date, which is a deletion from that date on.
    """
    return rows.withColumns(
        {
            "change_sequence": F.lit(0).cast("bigint"),
            "op": F.when(F.col("_withdrawn"), F.lit(DELETED)).otherwise(F.lit(SNAPSHOT)),
            "changed_at": _midnight(F.col("_business_date"), time_zone),
            "effective_date": F.col("_business_date"),
            "is_deleted": F.col("_withdrawn"),
            "_withdrawn": F.lit(False),
        }
    )


def reconcile(
    changes: DataFrame, *, delivered: DataFrame, earlier: DataFrame, key: Sequence[str], time_zone: str
) -> DataFrame:
    """Judged changes with repeated snapshot rows marked `unchanged` and deletions found by snapshots appended.

    `delivered` are the same rows at an earlier step, where it is cheap to see which nights held a snapshot.
    `earlier` (the log before the run) is read only when the run holds a snapshot. A snapshot row that differs from
    a known state counts from its business date on, since its changed_at may be older than the state it corrects.
    """
    entity = _entity(earlier, key)
    rows = changes.withColumn("_is_earlier", F.lit(False))
    chain = rows.unionByName(_past(delivered, earlier, entity), allowMissingColumns=True)
    chain = _date_corrections(chain, entity)
    missed = _missed_by_snapshots(chain, _snapshots_on_time(delivered), entity)
    with_deletions = chain.unionByName(_deletions(missed, chain.columns, entity, time_zone))
    return _mark_unchanged(with_deletions, entity).where(~F.col("_is_earlier")).drop("_is_earlier")


def versions(log: DataFrame, *, key: Sequence[str]) -> DataFrame:
    """One row per entity and version of a whole log: valid_from, valid_to (half-open, null while open), is_current.

    Of several changes that count from the same day the last wins. A deletion ends a version and begins none. A change
    that a higher sequence of its delivery replaced or withdrew never was.
    """
    entity = _entity(log, key)
    one_change = Window.partitionBy(*entity.key, "change_sequence", "_business_date").orderBy(F.desc("_sequence"))
    one_day = Window.partitionBy(*entity.key, "effective_date").orderBy(*[F.desc(name) for name in _ORDER[1:]])
    by_day = Window.partitionBy(*entity.key).orderBy("effective_date")
    valid = log.withColumn("_place", F.row_number().over(one_change)).where(
        (F.col("_place") == 1) & ~F.col("_withdrawn")
    )
    last = valid.withColumn("_place", F.row_number().over(one_day)).where(F.col("_place") == 1)
    dated = last.withColumns({"valid_from": F.col("effective_date"), "valid_to": F.lead("effective_date").over(by_day)})
    return dated.where(~F.col("is_deleted")).select(
        *entity.key,
        *entity.content,
        "change_sequence",
        "changed_at",
        "valid_from",
        "valid_to",
        F.col("valid_to").isNull().alias("is_current"),
    )


def _entity(log: DataFrame, key: Sequence[str]) -> _Entity:
    """The entity of a log: whatever is neither key nor about change or delivery is content."""
    other = {*key, *CHANGE_COLUMNS, *_DELIVERY, *_TECHNICAL}
    return _Entity(tuple(key), tuple(name for name in log.columns if name not in other))


def _midnight(day: Column, time_zone: str) -> Column:
    """The moment (UTC) at which a market-local `day` begins."""
    return to_utc(F.concat(day.cast("string"), F.lit(" 00:00:00")), time_zone)


def _is_snapshot() -> Column:
    return F.col("op") == SNAPSHOT


def _delivery() -> Column:
    return F.struct(*_DELIVERY)


def _counts() -> Column:
    """True for a row that says something about its entity: kept or derived, not withdrawn."""
    return F.col("_verdict").isin(KEPT, DERIVED) & ~F.col("_withdrawn")


def _by_delivery(entity: _Entity) -> WindowSpec:
    """A window per entity in the order the rows were delivered."""
    return Window.partitionBy(*entity.key).orderBy(*_DELIVERY, "change_sequence", "_file", "_line")


def _is_late() -> Column:
    return F.col("_business_date") < F.col("_delivered_on")


def _said(entity: _Entity) -> Column:
    """What a row says of its entity; null for a row that says nothing."""
    content = F.struct(*entity.content).alias("content")
    return F.when(_counts(), F.struct("is_deleted", "op", _is_late().alias("is_late"), _order(), content))


def _order() -> Column:
    return F.struct(*_ORDER).alias("order")


def _snapshots_on_time(delivered: DataFrame) -> DataFrame:
    """One row: `_snapshots`, the ascending array of the snapshots on time: where delivered (`at`) and a file."""
    each = delivered.where(_is_snapshot() & ~_is_late()).groupBy(*_DELIVERY).agg(F.min("_file").alias("_file"))
    return each.agg(F.array_sort(F.collect_list(F.struct(_delivery().alias("at"), "_file"))).alias("_snapshots"))


def _past(delivered: DataFrame, earlier: DataFrame, entity: _Entity) -> DataFrame:
    """The log before the run as rows of the chain, when the run holds a snapshot; else nothing is read."""
    asked = delivered.where(_is_snapshot()).select(F.lit(True).alias("_asked")).limit(1)
    columns = dict.fromkeys([*entity.key, *entity.content, *CHANGE_COLUMNS, *_DELIVERY, *_TECHNICAL])
    rows = earlier.select(*columns, F.lit(KEPT).alias("_verdict"), F.lit(True).alias("_is_earlier"))
    return rows.join(F.broadcast(asked), F.lit(True), "left_semi")


def _date_corrections(chain: DataFrame, entity: _Entity) -> DataFrame:
    """Snapshot rows of an entity that is known already count from their business date on."""
    before = _by_delivery(entity).rowsBetween(Window.unboundedPreceding, -1)
    is_known = F.max(_counts()).over(before)
    corrects = ~F.col("_is_earlier") & _is_snapshot() & F.coalesce(is_known, F.lit(False))
    return chain.withColumn(
        "effective_date", F.when(corrects, F.col("_business_date")).otherwise(F.col("effective_date"))
    )


def _missed_by_snapshots(chain: DataFrame, snapshots: DataFrame, entity: _Entity) -> DataFrame:
    """Rows of the chain after which an entity lives (`_known`) though a snapshot no longer names it (`_missed`).

    Rejected rows say that the entity is still named, though not what it is. Most rows are named by the very next
    snapshot, which a look at the following one tells; only the others search the array.
    """
    window = _by_delivery(entity)
    so_far = window.rowsBetween(Window.unboundedPreceding, 0)
    known = chain.withColumn("_known", F.last(_said(entity), ignorenulls=True).over(so_far))
    living = known.withColumn("_next", F.lead(_delivery()).over(window)).where(~F.col("_known.is_deleted"))
    later = F.slice("_snapshots", F.lit(2), F.size("_snapshots"))
    following = snapshots.select(
        F.explode(F.arrays_zip(F.col("_snapshots").alias("s"), later.alias("f"))).alias("pair")
    )
    following = following.select(
        *[F.col(f"pair.s.at.{name}").alias(name) for name in _DELIVERY], F.col("pair.f.at").alias("_following")
    )
    is_named = F.coalesce(F.col("_next") <= F.col("_following"), F.lit(False))
    unnamed = living.join(F.broadcast(following), list(_DELIVERY), "left").where(~is_named)
    missed = F.get(F.filter("_snapshots", _is_between), F.lit(0))
    found = unnamed.crossJoin(F.broadcast(snapshots)).withColumn("_missed", missed)
    return found.where(F.col("_missed").isNotNull())


def _is_between(snapshot: Column) -> Column:
    """True for a snapshot that was delivered between a row and the next one of its entity."""
    return (snapshot["at"] > _delivery()) & (F.col("_next").isNull() | (snapshot["at"] < F.col("_next")))


def _deletions(missed: DataFrame, columns: Sequence[str], entity: _Entity, time_zone: str) -> DataFrame:
    """Per missed entity a derived deletion, as of the snapshot's business date, with the last content."""
    day = F.col("_missed.at._business_date")
    values = {name: F.col(f"_known.content.{name}") for name in entity.content}
    values |= {name: F.col(f"_missed.at.{name}") for name in _DELIVERY}
    values |= {
        "_file": F.col("_missed._file"),
        "change_sequence": F.col("_known.order.change_sequence"),
        "op": F.lit(DELETED),
        "changed_at": _midnight(day, time_zone),
        "effective_date": day,
        "is_deleted": F.lit(True),
        "_line": F.lit(0).cast("bigint"),
        "_row_hash": F.lit(0).cast("bigint"),
        "_withdrawn": F.lit(False),
        "_verdict": F.lit(DERIVED),
        "_rule": F.lit("missing_in_snapshot"),
        "_is_earlier": F.lit(False),
    }
    return missed.select(*[values.get(name, F.col(name)).alias(name) for name in columns])


def _mark_unchanged(chain: DataFrame, entity: _Entity) -> DataFrame:
    """Kept snapshot rows equal to what is known become `unchanged`; deletions of what is deleted already go."""
    before = _by_delivery(entity).rowsBetween(Window.unboundedPreceding, -1)
    last_change = F.max(F.when(_counts() & ~_is_snapshot(), _order()))
    known = chain.withColumns(
        {
            "_known": F.last(_said(entity), ignorenulls=True).over(before),
            "_last_change": last_change.over(before),
            "_was_withdrawn": F.coalesce(F.max("_withdrawn").over(before), F.lit(False)),
        }
    )
    is_candidate = (F.col("_verdict") == KEPT) & _is_snapshot() & ~_is_late() & ~F.col("_is_earlier")
    is_unchanged = F.coalesce(is_candidate & _is_known_already(entity), F.lit(False))
    is_needless = (F.col("_verdict") == DERIVED) & F.coalesce(F.col("_known.is_deleted"), F.lit(False))
    return (
        known.where(~is_needless)
        .withColumns(
            {
                "_verdict": F.when(is_unchanged, F.lit(UNCHANGED)).otherwise(F.col("_verdict")),
                "_rule": F.when(is_unchanged, F.lit("equal_to_known_state")).otherwise(F.col("_rule")),
            }
        )
        .drop("_known", "_last_change", "_was_withdrawn")
    )


def _is_known_already(entity: _Entity) -> Column:
    """True where the row before says the same and can be trusted to be the state.

    It can't when it came late, when a change that was delivered before it counts from a later day, or when some
    change of the entity was withdrawn.
    """
    is_state = (F.col("_known.op") == SNAPSHOT) | (F.col("_known.order") >= F.col("_last_change"))
    is_alive = ~F.col("_known.is_deleted") & ~F.col("_known.is_late") & ~F.col("_was_withdrawn")
    return is_alive & is_state & F.struct(*entity.content).eqNullSafe(F.col("_known.content"))
