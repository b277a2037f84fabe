"""Cases that every change log must pass: what a few nights write, and that one pass over them writes the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from tests.jobs.silver.nights import at_once, of_nights, one_by_one
from tests.rows import rows

NIGHTS = ["2024-03-04", "2024-03-05", "2024-03-06"]
BuildLog = Callable[[DataFrame, DataFrame], DataFrame]


def log_rules(spark: SparkSession, table: str, build: BuildLog, feed: DataFrame) -> list[str | None]:
    """The rule of each delivered row, in the order of lines."""
    found = build(feed, rows(spark, table)).collect()
    assert {row["_verdict"] for row in found} <= {"kept", "rejected"}
    return [row["_rule"] for row in sorted(found, key=lambda row: row["_line"])]


def delivered_on(night: str, line: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as the extract of `night`, on time."""
    return {"_business_date": night, "_delivered_on": night, "_file": f"{night}.csv", "_line": line, **row}


def check_local_midnight(spark: SparkSession, table: str, delivered: Callable[..., DataFrame], build: BuildLog) -> None:
    """A change made as the local day begins, the day before by UTC, counts from the local date; so does a deletion."""
    feed = delivered(spark, {"op": "U", "changed_at": "2024-03-04 00:00:00"}, {"change_seq": "2", "op": "D"})
    found = build(feed, rows(spark, table)).orderBy("change_sequence").collect()
    assert [(str(row["effective_date"]), row["is_deleted"]) for row in found] == [
        ("2024-03-04", False),
        ("2024-03-04", True),
    ]


def check_nights(
    spark: SparkSession, table: str, source: str, build: BuildLog, *, one: dict, other: dict, key: tuple[str, ...]
) -> None:
    """Three nights of an entity that changes (`one`, then with the values of `other`) and of one that goes.

    `other` differs from `one` in content only. For a change feed, `one` holds op, change_seq and changed_at.
    """
    is_change_feed = "op" in one
    gone = {**one, key[-1]: "gone"}
    first = [one, gone]
    second = [{**one, **other}, gone] if not is_change_feed else [{**one, **other, "op": "U", "change_seq": "2"}]
    third = [{**one, **other}]
    nights = dict(zip(NIGHTS, (first, second, third), strict=True))
    values = [delivered_on(night, at + 2, row) for night, days in nights.items() for at, row in enumerate(days)]
    again = {"_row_hash": 77, "_business_date": NIGHTS[0], "_sequence": 1}
    values[0] |= again
    values.append({**values[0], "_delivered_on": NIGHTS[1], "_line": 9})  # the same again, late
    values.append({**values[0], "_delivered_on": NIGHTS[1], "_line": 10, "_row_hash": 78})  # and contradicting
    feed = rows(spark, source, values)

    def build_nights(run: list[str], earlier: DataFrame, previous: DataFrame) -> DataFrame:
        return build(of_nights(feed, run), earlier)

    written = one_by_one(spark, table, NIGHTS, build_nights)
    assert written == at_once(spark, table, NIGHTS, build_nights)
    told = [(str(row["_delivered_on"]), row[key[-1]], row["op"], row["is_deleted"]) for row in written]
    operation = "U" if is_change_feed else "S"
    assert sorted(told) == sorted(
        [
            (NIGHTS[0], gone[key[-1]], "S", False),
            (NIGHTS[0], one[key[-1]], "S", False),
            (NIGHTS[1], one[key[-1]], operation, False),
            (NIGHTS[2], gone[key[-1]], "D", True),
        ]
    )
    verdicts = Counter((row["_verdict"], row["_rule"]) for row in build(feed, rows(spark, table)).collect())
    assert verdicts == {
        ("kept", None): 3,
        ("unchanged", "equal_to_known_state"): 1 if is_change_feed else 2,
        ("derived", "missing_in_snapshot"): 1,
        ("duplicate", "same_key_and_content"): 1,
        ("rejected", "same_version_other_content"): 1,
    }


def check_versions(
    spark: SparkSession, table: str, log: str, build: Callable, key: Mapping[str, str], changed: dict
) -> None:
    """Versions of one entity: changed twice on one day (the last wins), then deleted; and of one that stays."""

    def change(day: str, number: int, **values: Any) -> dict[str, Any]:
        dates = {"effective_date": day, "_business_date": day, "_delivered_on": day, "op": "U"}
        return {**key, **dates, "change_sequence": number, **values}

    (name, (before, after)) = next(iter(changed.items()))
    last = list(key)[-1]
    log_rows = [
        change("2024-03-07", 5, is_deleted=True, op="D", **{name: after}),
        change("2024-03-01", 1, **{name: before}),
        change("2024-03-05", 3, **{name: before}),
        change("2024-03-05", 4, **{name: after}),
        change("2024-03-05", 2, **{last: "stays", name: before}),
    ]
    built = build(rows(spark, log, log_rows))
    assert set(built.columns) >= {column.name for column in rows(spark, table).schema}
    found = sorted(
        (row[last], str(row["valid_from"]), str(row["valid_to"]), row["is_current"], row[name])
        for row in built.collect()
    )
    assert found == sorted(
        [
            (key[last], "2024-03-01", "2024-03-05", False, before),
            (key[last], "2024-03-05", "2024-03-07", False, after),
            ("stays", "2024-03-05", "None", True, before),
        ]
    )
    assert build(rows(spark, log)).count() == 0
