from __future__ import annotations

from pathlib import Path

import pytest

from jobs.gold.tag_definitions import Params, build
from jobs.methods.tag_rules import TagRuleError
from tests.jobs.gold.people import fit, tag_records
from tests.rows import as_dicts, rows


def test_build__tags_of_conf__one_row_each_with_its_hash(spark):
    calendar = rows(spark, "silver.calendar", [{"natural_date": "2024-03-04"}, {"natural_date": "2024-03-05"}])
    found = as_dicts(fit(build(calendar=calendar, definitions=tag_records(), params=Params()), "gold.tag_definitions"))
    assert [row["tag_code"] for row in found] == sorted(record["code"] for record in tag_records())
    assert len({row["rule_hash"] for row in found}) == len(found) >= 12
    tier = next(row for row in found if row["tag_code"] == "asset_tier")
    assert (tier["kind"], tier["tag_version"], tier["refresh"]) == ("layered", 2, "daily")
    assert '"best_month' not in tier["rule_text"] and "windows.best_month_average" in tier["rule_text"]


def test_build__no_tags__no_rows(spark):
    calendar = rows(spark, "silver.calendar", [{"natural_date": "2024-03-04"}])
    record = tag_records()[0]
    empty = build(calendar=calendar, definitions=[], params=Params())
    assert empty.count() == 0
    with pytest.raises(TagRuleError, match="stands twice"):
        build(calendar=calendar, definitions=[record, record], params=Params())


def test_versions_lock__lies_beside_the_tags__but_is_no_tag_file():
    folder = Path(__file__).resolve().parents[3] / "conf/tags"
    assert (folder / "versions.lock").exists() and not list(folder.glob("*lock*.yaml"))
