"""Change logs: repeated snapshot rows, deletions that snapshots imply, versions; a range equals night by night."""

import random
from datetime import date, datetime, timedelta

import pytest
from pyspark.sql import functions as F

from jobs.methods.change_log import add_list_columns, reconcile, versions

pytestmark = pytest.mark.spark

LOG = (
    "id string, value string, change_sequence bigint, op string, changed_at timestamp, effective_date date, "
    "is_deleted boolean, _file string, _line bigint, _sequence int, _business_date date, _row_hash bigint, "
    "_withdrawn boolean, _delivered_on date"
)
JUDGED = LOG + ", _verdict string, _rule string"
ZONE = "Asia/Shanghai"
DAYS = [date(2024, 3, 4) + timedelta(days=n) for n in range(9)]


def change(
    id_, value, day, op="S", *, number=0, sequence=1, delivered=None, verdict="kept", withdrawn=False, since=None
):
    """A judged row of business date `day`; it counts from `since` (default: that day)."""
    file = f"{day}/seq={sequence}"
    times = (datetime.combine(since or day, datetime.min.time()), since or day)
    head = (id_, value, number, op, *times, op == "D", file, 2, sequence, day, 1, withdrawn, delivered or day)
    return (*head, verdict, None if verdict == "kept" else "bad")


def frame(spark, rows):
    return spark.createDataFrame([row[: len(LOG.split(","))] for row in rows], LOG)


def run(spark, rows, earlier=()):
    changes = spark.createDataFrame(rows, JUDGED)
    past = earlier if not isinstance(earlier, (list, tuple)) else frame(spark, list(earlier))
    return [
        tuple(r)
        for r in reconcile(changes, delivered=changes, earlier=past, key=["id"], time_zone=ZONE)
        .select(*_names())
        .collect()
    ]


def _names():
    return [part.split()[0] for part in JUDGED.split(", ")]


def told(found):
    """(id, business date, sequence, value, op) -> verdict and effective date."""
    at = {name: n for n, name in enumerate(_names())}
    keys = ("id", "_business_date", "_sequence", "value", "op")
    return {tuple(r[at[k]] for k in keys): (r[at["_verdict"]], r[at["effective_date"]]) for r in found}


def written(found):
    """Rows that go into the log."""
    return [row for row in found if row[-2] in ("kept", "derived")]


def unreadable(spark):
    return frame(spark, [change("z", "x", DAYS[0])]).where(
        F.raise_error(F.concat(F.lit("read "), F.col("id"))).isNull()
    )


def test_reconcile__list_every_night__only_differences_are_written(spark):
    d = DAYS
    rows = [change("a", "1", day) for day in d[:4]]
    rows += [change("b", "1", d[0]), change("b", "2", d[1]), change("b", "2", d[2]), change("b", "1", d[3])]
    rows += [change("c", "1", d[0]), change("c", "1", d[3])]  # gone on d[1] and d[2], back as it was
    rows += [change("n", None, d[0]), change("n", None, d[1]), change("n", "x", d[2]), change("n", None, d[3])]
    found = told(run(spark, rows))
    assert {key: verdict for key, (verdict, _) in found.items()} == {
        ("a", d[0], 1, "1", "S"): "kept",
        **{("a", day, 1, "1", "S"): "unchanged" for day in d[1:4]},
        ("b", d[0], 1, "1", "S"): "kept",
        ("b", d[1], 1, "2", "S"): "kept",
        ("b", d[2], 1, "2", "S"): "unchanged",
        ("b", d[3], 1, "1", "S"): "kept",
        ("c", d[0], 1, "1", "S"): "kept",
        ("c", d[1], 1, "1", "D"): "derived",
        ("c", d[3], 1, "1", "S"): "kept",
        ("n", d[0], 1, None, "S"): "kept",
        ("n", d[1], 1, None, "S"): "unchanged",
        ("n", d[2], 1, "x", "S"): "kept",
        ("n", d[3], 1, None, "S"): "kept",
    }


def test_reconcile__derived_deletion__dated_by_its_snapshot(spark):
    (row,) = [r for r in run(spark, [change("a", "1", DAYS[2])], [change("b", "7", DAYS[0])]) if r[0] == "b"]
    deletion = dict(zip(_names(), row, strict=True))
    assert (deletion["op"], deletion["is_deleted"], deletion["value"]) == ("D", True, "7")
    assert (deletion["effective_date"], deletion["_business_date"], deletion["_delivered_on"]) == (DAYS[2],) * 3
    assert deletion["changed_at"] == datetime(2024, 3, 5, 16)  # midnight of 6 March in Shanghai
    assert deletion["_file"] == f"{DAYS[2]}/seq=1"
    assert (deletion["_verdict"], deletion["_rule"]) == ("derived", "missing_in_snapshot")


def test_reconcile__rejected_row__entity_is_still_there(spark):
    found = told(run(spark, [change("a", "bad", DAYS[1], verdict="rejected"), change("b", "1", DAYS[1])],
                     [change("a", "1", DAYS[0]), change("b", "1", DAYS[0])]))  # fmt: skip
    assert {verdict for verdict, _ in found.values()} == {"rejected", "unchanged"}


def test_reconcile__change_feed_without_snapshot__all_kept_and_earlier_not_read(spark):
    rows = [change("a", "1", DAYS[1], "U", number=5), change("b", "1", DAYS[1], "D", number=6)]
    assert [row[-2] for row in run(spark, rows, unreadable(spark))] == ["kept", "kept"]
    with pytest.raises(Exception, match="read z"):
        run(spark, [change("a", "1", DAYS[1])], unreadable(spark))


def test_reconcile__second_snapshot_of_a_change_feed__corrects_and_deletes(spark):
    d, opened = DAYS, date(2020, 1, 1)
    opening = [change(k, "1", d[0], number=n, since=opened) for n, k in enumerate("abcd")]
    changes = [
        change("a", "2", d[1], "U", number=10),
        change("c", "1", d[1], "D", number=11),
        change("e", "1", d[1], "I", number=12),
    ]
    second = [
        change("a", "2", d[3], number=20, since=d[1]),  # as known
        change("b", "9", d[3], number=21, since=opened),  # a lost change: counts from the snapshot on
        change("c", "1", d[3], number=22, since=opened),  # deleted, yet there
        change("f", "1", d[3], number=23, since=d[2]),  # never heard of
    ]
    found = told(run(spark, opening + changes + second))
    assert found[("a", d[3], 1, "2", "S")][0] == "unchanged"
    assert found[("b", d[0], 1, "1", "S")] == ("kept", opened)
    assert found[("b", d[3], 1, "9", "S")] == ("kept", d[3])
    assert found[("c", d[3], 1, "1", "S")] == ("kept", d[3])
    assert found[("d", d[3], 1, "1", "D")] == ("derived", d[3])
    assert found[("e", d[3], 1, "1", "D")] == ("derived", d[3])
    assert found[("f", d[3], 1, "1", "S")] == ("kept", d[2])
    assert len(found) == 13


def test_reconcile__late_list__speaks_of_its_own_day_only(spark):
    d = DAYS
    earlier = [change("a", "1", d[0]), change("a", "2", d[2]), change("b", "1", d[2]), change("c", "1", d[0])]
    late = [change("a", "2", d[1], delivered=d[3]), change("x", "1", d[1], delivered=d[3])]
    found = told(run(spark, late, earlier))
    assert found == {
        ("a", d[1], 1, "2", "S"): ("kept", d[1]),  # changed a day before the log had it
        ("x", d[1], 1, "1", "S"): ("kept", d[1]),
    }


def test_reconcile__late_row_between_two_lists__the_second_is_written_in_full(spark):
    d = DAYS
    rows = [change("a", "1", d[0]), change("a", "1", d[2]), change("a", "2", d[1], delivered=d[3])]
    rows += [change("a", "1", d[3]), change("a", "1", d[4])]
    verdicts = {day: verdict for (_, day, *_), (verdict, _) in told(run(spark, rows)).items()}
    assert verdicts == {d[0]: "kept", d[2]: "unchanged", d[1]: "kept", d[3]: "kept", d[4]: "unchanged"}


def test_reconcile__changes_out_of_order__the_snapshot_is_kept(spark):
    changes = [change("a", "2", DAYS[2], "U", number=2), change("a", "1", DAYS[2], "U", number=3, since=DAYS[1])]
    found = told(run(spark, [*changes, change("a", "1", DAYS[3], number=4)]))
    assert found[("a", DAYS[3], 1, "1", "S")] == ("kept", DAYS[3])


def test_reconcile__replay_of_single_rows__deletes_nothing(spark):
    earlier = [change("a", "1", DAYS[0]), change("b", "1", DAYS[0])]
    found = told(run(spark, [change("c", "1", DAYS[0], sequence=2, delivered=DAYS[1])], earlier))
    assert found == {("c", DAYS[0], 2, "1", "S"): ("kept", DAYS[0])}


def test_reconcile__withdrawn_change__the_next_snapshot_row_is_kept(spark):
    earlier = [change("a", "1", DAYS[0], "I"), change("a", "2", DAYS[1], "U", number=1)]
    earlier.append(change("a", "2", DAYS[1], "U", number=1, sequence=2, delivered=DAYS[2], withdrawn=True))
    assert told(run(spark, [change("a", "2", DAYS[3], number=9)], earlier))[("a", DAYS[3], 1, "2", "S")][0] == "kept"


def test_add_list_columns__withdrawn_row__is_a_deletion(spark):
    rows = [change("a", "1", DAYS[1], sequence=2, delivered=DAYS[2], withdrawn=True), change("b", "1", DAYS[1])]
    bare = frame(spark, rows).drop("change_sequence", "op", "changed_at", "effective_date", "is_deleted")
    found = {r["id"]: r for r in add_list_columns(bare, ZONE).collect()}
    assert [found["a"][c] for c in ("op", "is_deleted", "_withdrawn", "effective_date")] == ["D", True, False, DAYS[1]]
    assert [found["b"][c] for c in ("op", "is_deleted", "change_sequence")] == ["S", False, 0]
    assert found["b"]["changed_at"] == datetime(2024, 3, 4, 16)


def _random_lists(seed):
    """Nights of lists of 24 entities: rows come, differ, go, are rejected; one list is late, one gets a correction."""
    draw = random.Random(seed)
    nights = {day: [] for day in DAYS}
    for at, day in enumerate(DAYS):
        delivered = DAYS[at + 2] if at == 3 else day
        for entity in range(24):
            if draw.random() < 0.75:
                verdict = "rejected" if draw.random() < 0.08 else "kept"
                value = draw.choice(["1", "1", "2", None])
                nights[delivered].append(change(f"e{entity}", value, day, delivered=delivered, verdict=verdict))
    for entity in range(0, 24, 5):
        nights[DAYS[6]].append(change(f"e{entity}", "3", DAYS[5], sequence=2, delivered=DAYS[6]))
    return nights


@pytest.mark.parametrize("seed", [1, 2])
def test_reconcile__range_of_nights__equals_night_by_night(spark, seed):
    nights = _random_lists(seed)
    log, by_night = [], []
    for rows in nights.values():
        found = run(spark, rows, log)
        by_night += found
        log += written(found)
    in_one = run(spark, [row for rows in nights.values() for row in rows])
    assert sorted(map(repr, in_one)) == sorted(map(repr, by_night))
    assert {row[-2] for row in in_one} == {"kept", "rejected", "unchanged", "derived"}
    halves = [[row for day in part for row in nights[day]] for part in (DAYS[:4], DAYS[4:])]
    first = run(spark, halves[0])
    assert sorted(map(repr, first + run(spark, halves[1], written(first)))) == sorted(map(repr, in_one))
    current = versions(frame(spark, log), key=["id"]).where("is_current").collect()
    said = {row[0]: row[1] for row in nights[DAYS[-1]] if row[-2] == "kept"}
    rejected = {row[0] for row in nights[DAYS[-1]] if row[-2] == "rejected"}
    assert {r["id"]: r["value"] for r in current if r["id"] not in rejected} == said


def intervals(spark, rows):
    found = versions(frame(spark, rows), key=["id"]).orderBy("id", "valid_from").collect()
    return [(r["id"], r["value"], r["valid_from"], r["valid_to"], r["is_current"]) for r in found]


def test_versions__changes_deletion_return__half_open_without_overlap(spark):
    d = DAYS
    rows = [
        change("a", "1", d[0], "I", number=1),
        change("a", "2", d[2], "U", number=3),
        change("a", "3", d[2], "U", number=4),  # the same day: the last wins
        change("a", "3", d[4], "D", number=5),
        change("a", "4", d[6], "I", number=6),
        change("b", "1", d[1], "I", number=2),
        change("b", "1", d[1], "D", number=7),  # come and gone in a day: no version
    ]
    assert intervals(spark, rows[::-1]) == [
        ("a", "1", d[0], d[2], False),
        ("a", "3", d[2], d[4], False),
        ("a", "4", d[6], None, True),
    ]


def test_versions__late_change__fits_in_by_its_date(spark):
    d = DAYS
    rows = [change("a", "1", d[0], "I", number=1), change("a", "3", d[4], "U", number=3)]
    rows.append(change("a", "2", d[2], "U", number=2, delivered=d[6]))
    assert [(v, start, end) for _, v, start, end, _ in intervals(spark, rows)] == [
        ("1", d[0], d[2]),
        ("2", d[2], d[4]),
        ("3", d[4], None),
    ]


def test_versions__higher_sequence__replaces_and_withdraws(spark):
    d = DAYS
    rows = [
        change("a", "1", d[0], "I", number=1),
        change("a", "2", d[3], "U", number=2),
        change("a", "5", d[3], "U", number=2, sequence=2, delivered=d[5], since=d[1]),  # another date and value
        change("b", "1", d[0], "I", number=3),
        change("b", "2", d[1], "U", number=4),
        change("b", "2", d[1], "U", number=4, sequence=2, delivered=d[2], withdrawn=True),
    ]
    assert intervals(spark, rows) == [
        ("a", "1", d[0], d[1], False),
        ("a", "5", d[1], None, True),
        ("b", "1", d[0], None, True),
    ]


def test_versions__no_log__no_rows(spark):
    assert intervals(spark, []) == []
