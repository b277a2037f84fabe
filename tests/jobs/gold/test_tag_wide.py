from __future__ import annotations

from brokerlake.catalog import contract_of
from jobs.gold.tag_wide import Params, build
from tests.jobs.gold.people import ONE, PROJECT, TWO, fit, tag_records
from tests.rows import as_dicts, rows


def test_contract__against_conf_tags__one_column_each():
    columns = {c.name: c for c in contract_of(PROJECT, "gold.tag_wide").columns}
    assert set(columns) - {"one_id", "as_of_date", "tag_count"} == {record["code"] for record in tag_records()}
    for record in tag_records():
        column = columns[record["code"]]
        assert (column.type, column.required, column.classification) == ("string", False, record["sensitivity"])


def test_build__two_dates__values_side_by_side(spark):
    def tag(one_id, day, code, value):
        return {"one_id": one_id, "as_of_date": day, "tag_code": code, "value": value, "computed_value": "other"}

    values = [
        tag("p_1", ONE, "asset_tier", "below_10k"),
        tag("p_1", ONE, "dormant", "long"),
        tag("p_1", TWO, "asset_tier", "10k_100k"),
        tag("p_2", TWO, "asset_tier", "from_6m"),
        tag("p_2", TWO, "retired_tag", "x"),
    ]
    given = rows(spark, "gold.tag_values", values)
    found = fit(build(tags=given, definitions=tag_records(), params=Params()), "gold.tag_wide")
    rows_found = as_dicts(found, "one_id", "as_of_date", "asset_tier", "dormant", "age_band", "tag_count")
    assert [tuple(str(value) for value in row.values()) for row in rows_found] == [
        ("p_1", ONE, "below_10k", "long", "None", "2"),
        ("p_1", TWO, "10k_100k", "None", "None", "1"),
        ("p_2", TWO, "from_6m", "None", "None", "2"),
    ]
    empty = rows(spark, "gold.tag_values")
    assert build(tags=empty, definitions=tag_records(), params=Params()).count() == 0
