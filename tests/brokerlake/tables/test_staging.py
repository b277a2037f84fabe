"""A staged build becomes one commit and leaves nothing behind."""

from __future__ import annotations

from datetime import date

import pytest
from deltalake import DeltaTable

from brokerlake.catalog import contract_of
from brokerlake.tables import delta_files, staging
from tests.conftest import PROJECT
from tests.rows import rows

pytestmark = pytest.mark.spark

TABLE = "silver.cash_flows"
D1, D2 = date(2024, 3, 4), date(2024, 3, 5)


def _commit(spark, path, values, days, base_version, tasks=1):
    from pyspark.sql import functions as F

    contract = contract_of(PROJECT, TABLE)
    frame = rows(spark, TABLE, values).withColumn("_verdict", F.when(F.col("amount") > 0, "kept").otherwise("rejected"))
    frame = frame.repartition(tasks)
    with staging.staged(frame, path.parent / "staged", sorted_by="_delivered_on") as folder:
        return staging.write_days(
            folder,
            {"_verdict": ("kept",)},
            path,
            contract,
            days,
            base_version=base_version,
            metadata={"run_id": "r"},
        )


def _content(path, version):
    found = DeltaTable(path, version=version).to_pyarrow_table(columns=["flow_id", "amount", "_delivered_on"])
    return sorted((row["_delivered_on"], row["flow_id"], str(row["amount"])) for row in found.to_pylist())


def _flow(name, amount, day):
    return {"flow_id": name, "amount": amount, "flow_date": day, "_business_date": day, "_delivered_on": day}


@pytest.mark.smoke
def test_write_days__again_for_one_date__replaces_that_date_alone_in_one_commit(spark, tmp_path):
    path = tmp_path / "flows"
    first = _commit(spark, path, [_flow("a", 1, D1), _flow("b", 2, D2), _flow("no", -1, D2)], [D1, D2], None)
    assert _content(path, first) == [(D1, "a", "1.0000"), (D2, "b", "2.0000")]
    second = _commit(spark, path, [_flow("c", 3, D2)], [D2], first)
    assert second == first + 1
    assert _content(path, second) == [(D1, "a", "1.0000"), (D2, "c", "3.0000")]
    assert DeltaTable(path).protocol().min_reader_version == 1
    assert not list(tmp_path.glob("staged*"))


def test_write_days__dates_spread_over_tasks__a_file_a_date(spark, tmp_path):
    path = tmp_path / "flows"
    named = [_flow(str(at), 1, day) for at, day in enumerate([D1, D2, D2, D1, D1, D2])]
    version = _commit(spark, path, named, [D1, D2], None, tasks=3)
    assert [row[:2] for row in _content(path, version)] == [*[(D1, n) for n in "034"], *[(D2, n) for n in "125"]]
    assert len(DeltaTable(path).file_uris()) == 2


def test_write_days__no_rows__empties_the_date(spark, tmp_path):
    path = tmp_path / "flows"
    first = _commit(spark, path, [_flow("a", 1, D1), _flow("b", 2, D2)], [D1, D2], None)
    second = _commit(spark, path, [_flow("no", -1, D2)], [D2], first)
    assert _content(path, second) == [(D1, "a", "1.0000")]


def test_write_days__head_that_nobody_published__is_not_built_upon(spark, tmp_path):
    path = tmp_path / "flows"
    published = _commit(spark, path, [_flow("a", 1, D1)], [D1], None)
    _commit(spark, path, [_flow("bad", 9, D2)], [D2], published)
    after = _commit(spark, path, [_flow("c", 3, D1)], [D1], published)
    assert _content(path, after) == [(D1, "c", "3.0000")]
    assert delta_files.head(path) == after


def test_staged__left_by_a_killed_process__gone_and_never_among_the_new_files(spark, tmp_path):
    left = tmp_path / "staged-of-another"
    left.mkdir()
    (left / "part-0.parquet").write_bytes(b"half a file")
    with staging.staged(spark.range(3), tmp_path / "staged") as folder:
        assert not left.exists()
        assert spark.read.parquet(str(folder)).count() == 3
        left.mkdir()
    assert [found.name for found in tmp_path.iterdir()] == [left.name]
