"""Verdicts: the first broken rule, and repeats of a version within a run and against earlier nights."""

from datetime import date

import pytest
from pyspark.sql import functions as F

from jobs.methods.verdicts import DUPLICATE, KEPT, REJECTED, Rule, judge, mark_repeats

pytestmark = pytest.mark.spark

SCHEMA = (
    "id string, revision int, note string, _file string, _line bigint, _sequence int, _business_date date, "
    "_row_hash bigint, _withdrawn boolean, _delivered_on date"
)
D1, D2, D3 = date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 6)


def row(id_, business_date, delivered_on, *, revision=0, note="x", content=1, sequence=1, file="a", line=2):
    """A delivered row; `content` stands for the hash of its columns."""
    return (id_, revision, note, file, line, sequence, business_date, content, False, delivered_on)


def frame(spark, rows):
    return spark.createDataFrame(rows, SCHEMA)


def judged(spark, rows):
    return judge(frame(spark, rows), [Rule("note_missing", F.col("note").isNull())])


def marks(found):
    """(id, night, line) -> verdict and rule."""
    return {(r["id"], r["_delivered_on"], r["_line"]): (r["_verdict"], r["_rule"]) for r in found.collect()}


def mark(rows, earlier=None):
    return mark_repeats(rows, key=["id"], version=["revision"], earlier=earlier)


def unreadable(spark):
    """An earlier table that fails when any row of it is read."""
    return frame(spark, [row("z", D1, D1)]).where(F.raise_error(F.concat(F.lit("read "), F.col("id"))).isNull())


@pytest.mark.smoke
def test_judge__two_broken_rules__the_first_is_named(spark):
    rows = frame(spark, [row(None, D1, D1, note=None), row("a", D1, D1), row("a", D1, D1, note=None)])
    rules = [Rule("id_missing", F.col("id").isNull()), Rule("note_missing", F.col("note").isNull())]
    found = [(r["_verdict"], r["_rule"]) for r in judge(rows, rules).collect()]
    assert found == [(REJECTED, "id_missing"), (KEPT, None), (REJECTED, "note_missing")]


def test_judge__condition_is_null_or_no_rules__kept(spark):
    rows = frame(spark, [row("a", D1, D1, note=None)])
    assert judge(rows, [Rule("odd", F.col("note") == "x")]).first()["_verdict"] == KEPT
    assert judge(rows, []).first()["_rule"] is None


@pytest.mark.smoke
def test_mark_repeats__same_night__first_line_stays(spark):
    rows = judged(
        spark,
        [
            row("a", D1, D1, line=3),
            row("a", D1, D1, line=2),
            row("a", D1, D1, line=4, content=9),
            row("a", D1, D1, line=5, revision=1, content=9),  # another revision
            row("a", D1, D1, line=6, sequence=2),  # another sequence
            row("a", date(2024, 3, 3), D1, line=7),  # another business date
            row("a", D1, D1, line=1, note=None),  # rejected rows take no part
        ],
    )
    assert marks(mark(rows)) == {
        ("a", D1, 2): (KEPT, None),
        ("a", D1, 3): (DUPLICATE, "same_key_and_content"),
        ("a", D1, 4): (REJECTED, "same_version_other_content"),
        ("a", D1, 5): (KEPT, None),
        ("a", D1, 6): (KEPT, None),
        ("a", D1, 7): (KEPT, None),
        ("a", D1, 1): (REJECTED, "note_missing"),
    }


def test_mark_repeats__columns__as_they_came(spark):
    rows = judged(spark, [row("a", D1, D1)])
    assert mark(rows, frame(spark, [])).columns == rows.columns


def test_mark_repeats__late_rows__compared_with_earlier(spark):
    earlier = frame(spark, [row("a", D1, D1), row("b", D1, D1), row("d", D2, D2)])
    rows = judged(
        spark,
        [
            row("a", D1, D3),  # the same again, late
            row("b", D1, D3, content=5),  # other content, same version
            row("b", D1, D3, content=7, revision=1, line=3),  # a correction
            row("c", D1, D3),  # late and new
            row("d", D3, D3),  # on time; the earlier one is another version
        ],
    )
    assert marks(mark(rows, earlier)) == {
        ("a", D3, 2): (DUPLICATE, "same_key_and_content"),
        ("b", D3, 2): (REJECTED, "same_version_other_content"),
        ("b", D3, 3): (KEPT, None),
        ("c", D3, 2): (KEPT, None),
        ("d", D3, 2): (KEPT, None),
    }


def test_mark_repeats__other_type_of_key_in_earlier__still_found(spark):
    earlier = frame(spark, [row("a", D1, D1, revision=3)]).withColumn("revision", F.col("revision").cast("bigint"))
    found = mark(judged(spark, [row("a", D1, D2, revision=3)]), earlier)
    assert marks(found)[("a", D2, 2)] == (DUPLICATE, "same_key_and_content")


def test_mark_repeats__no_late_row__earlier_is_not_read(spark):
    found = marks(mark(judged(spark, [row("a", D2, D2), row("a", D2, D2, line=3)]), unreadable(spark)))
    assert found[("a", D2, 3)] == (DUPLICATE, "same_key_and_content")


def test_mark_repeats__late_row__earlier_is_read(spark):
    with pytest.raises(Exception, match="read z"):
        mark(judged(spark, [row("a", D1, D2)]), unreadable(spark)).collect()


def test_mark_repeats__range_of_nights__equals_night_by_night(spark):
    nights = {
        D1: [row("a", D1, D1), row("b", D1, D1), row("b", D1, D1, line=3), row("e", D1, D1, note=None)],
        D2: [row("a", D1, D2), row("b", D1, D2, content=4), row("c", D2, D2), row("e", D1, D2, line=9)],
        D3: [row("a", D1, D3), row("c", D2, D3, sequence=2), row("c", D2, D3, line=8), row("e", D1, D3)],
    }
    everything = [one for rows in nights.values() for one in rows]
    in_one = marks(mark(judged(spark, everything), frame(spark, [])))
    earlier, by_night = frame(spark, []), {}
    for rows in nights.values():
        found = mark(judged(spark, rows), earlier)
        by_night |= marks(found)
        kept = [tuple(r)[:-2] for r in found.where(F.col("_verdict") == KEPT).collect()]
        earlier = earlier.union(frame(spark, kept)) if kept else earlier
    assert in_one == by_night
    assert in_one[("a", D3, 2)] == (DUPLICATE, "same_key_and_content")
    assert in_one[("e", D2, 9)] == (KEPT, None)
    assert in_one[("c", D3, 2)] == (KEPT, None)
