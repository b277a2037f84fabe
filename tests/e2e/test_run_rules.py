"""Rules of a run from landing to release, on a firm of three customers: what a night that failed leaves behind, what a
correction withdraws, where money goes that silver cannot hold, which later nights are made again.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from brokerlake.cli import main
from brokerlake.errors import RejectLimitError
from brokerlake.lake import Lake
from brokerlake.reader import open_release
from brokerlake.release.releases import Release, read_releases
from brokerlake.run.nightly import run_group
from brokerlake.tables import ops
from tests.e2e import nights, young_firm
from tests.e2e.young_firm import execution

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("young_firm")]
D1, D2, D3, D4 = (date(1997, 1, day) for day in (1, 2, 3, 4))
EXECUTIONS = "silver.executions"
TOO_LARGE, TOO_FINE = "123456789012345678.25", "0.1234567"


@dataclass(frozen=True)
class History:
    """What happened to the firm's lake.

    Attributes:
        before: a copy of the lake after D1 to D3 were published as a range.
        refusal: the error of D4's first delivery.
        head: of silver.executions after that error.
        seen: what readers saw of silver.executions after that error.
        release: of D4, from its second delivery; its publish was tried again afterwards.
    """

    lake: Lake
    before: Lake
    refusal: str
    head: int
    seen: pa.Table
    release: Release


def _at(lake: Lake) -> list[str]:
    """Options of the command line for the firm's lake."""
    return ["--home", str(lake.settings.home), "--conf", str(young_firm.CONF)]


@pytest.fixture(scope="module")
def firm(spark, test_settings, tmp_path_factory) -> History:
    lake = young_firm.open_firm(tmp_path_factory.mktemp("firm") / "home", test_settings)
    young_firm.deliver_people(lake, D1)
    for number, day in enumerate((D1, D2, D3), 1):
        rows = [execution(f"x{number}{c}", day, c, f"{number}{c}.00") for c in (1, 2, 3)]
        young_firm.deliver_executions(lake, day, rows)
    nights.backfill(lake, D1, D3)
    home = lake.settings.home.parent / "before"
    shutil.copytree(lake.settings.home, home)
    before = young_firm.open_firm(home, test_settings)

    good = [execution(f"x4{n:03d}", D4, 1, "1.00") for n in range(250)]
    young_firm.deliver_executions(lake, D4, [*good[:10], *(row | {"quantity": "much"} for row in good[10:])])
    with pytest.raises(RejectLimitError) as refused:
        nights.night(lake, D4)
    head = DeltaTable(lake.settings.table_path(EXECUTIONS)).version()
    seen = open_release(lake.settings).arrow(EXECUTIONS)

    unheld = [good[0] | {"amount": TOO_LARGE}, good[1] | {"amount": TOO_FINE}]
    young_firm.deliver_executions(lake, D4, [*unheld, *good[2:]], sequence=2)
    young_firm.deliver_executions(
        lake, D1, [execution("x11", D1, 1, "11.00"), execution("x13", D1, 3, "99.00")], sequence=2, delivered_on=D4
    )
    assert main([*_at(lake), "nightly", "--date", str(D4)]) == 0
    release = read_releases(lake.settings)[-1]
    run_group(lake, "publish", D4, nights.say_nothing)
    return History(lake, before, str(refused.value), head, seen, release)


def _rows_by_id(table: pa.Table) -> dict[str, dict]:
    return {row["execution_id"]: row for row in table.to_pylist()}


def test_night__over_the_reject_limit__leaves_a_head_that_no_reader_sees(firm):
    assert "\n" not in firm.refusal
    assert firm.refusal.startswith("trading_executions: night 1997-01-04: 240 of 250 rows are malformed")
    published = read_releases(firm.lake.settings)[0].vector[EXECUTIONS]
    assert firm.head > published
    assert set(_rows_by_id(firm.seen)) == {f"x{n}{c}" for n in (1, 2, 3) for c in (1, 2, 3)}


def test_night__after_a_bad_head__restores_the_released_version_and_builds_on_it(firm):
    table = DeltaTable(firm.lake.settings.table_path(EXECUTIONS))
    published = read_releases(firm.lake.settings)[0].vector[EXECUTIONS]
    operations = {entry["version"]: entry["operation"] for entry in table.history()}
    assert operations[firm.head + 1] == "RESTORE"
    assert DeltaTable(table.table_uri, version=firm.head + 1).to_pyarrow_table().num_rows == _rows(table, published)
    of_night = [row for row in table.to_pyarrow_table().to_pylist() if row["_delivered_on"] == D4]
    assert Counter((row["_business_date"], row["_sequence"]) for row in of_night) == {(D4, 2): 248, (D1, 2): 3}


def _rows(table: DeltaTable, version: int) -> int:
    return DeltaTable(table.table_uri, version=version).to_pyarrow_table().num_rows


def test_totals__of_values_silver_cannot_hold__count_them_as_rejected_with_bronze_sum(firm):
    totals = ops.read_ops(firm.lake.settings, "control_totals").to_pylist()
    (row,) = [
        row for row in totals
        if (row["table_name"], row["night"], row["measure"]) == (EXECUTIONS, D4, "amount")
    ]  # fmt: skip
    assert row["rejected"] == Decimal(TOO_LARGE) + Decimal(TOO_FINE)
    assert row["came_in"] == row["rejected"] + 248 + 11 + 99 + 12
    assert row["difference"] == 0
    (count,) = [row for row in totals if (row["table_name"], row["night"], row["measure"]) == (EXECUTIONS, D4, "rows")]
    assert (count["came_in"], count["kept"], count["rejected"]) == (253, 251, 2)
    rejected = ops.read_ops(firm.lake.settings, "rejected").to_pylist()
    assert [(row["night"], row["rule"], row["line"]) for row in rejected] == [
        (D4, "amount_not_a_number", 2),
        (D4, "amount_not_a_number", 3),
    ]


def test_correction__without_a_key_it_had__is_withdrawn_for_readers_and_windows_from_its_night_on(firm):
    released = open_release(firm.lake.settings)
    executions = _rows_by_id(released.arrow(EXECUTIONS))
    assert "x12" not in executions
    assert (executions["x11"]["amount"], executions["x13"]["amount"]) == (Decimal("11.0000"), Decimal("99.0000"))
    people = {r["one_id"]: r["customer_no"] for r in released.arrow("gold.customer_360").to_pylist()}
    windows = {
        (people[row["one_id"]], row["as_of_date"]): (row["trade_count_20td"], row["trade_amount_20td"])
        for row in released.arrow("silver.customer_windows").to_pylist()
    }
    assert windows["C2", D3] == (3, Decimal("66.0000"))
    assert windows["C2", D4] == (2, Decimal("54.0000"))
    assert windows["C3", D4] == (3, Decimal("155.0000"))
    milestones = [row for row in released.arrow("silver.customer_milestones").to_pylist() if row["party_id"] == "C2"]
    first_trade = {row["_delivered_on"]: row["first_trade_on"] for row in milestones}
    assert (first_trade[D1], first_trade[D4]) == (D1, D2)


def test_publish__again__files_no_carried_total_twice(firm):
    assert read_releases(firm.lake.settings)[-1] == firm.release
    results = ops.read_ops(firm.lake.settings, "quality_results").to_pylist()
    carried = [r for r in results if r["run_id"] == f"nightly:{D4}" and "_carried_from_" in r["rule_id"]]
    times = Counter((r["table_name"], r["rule_id"], r["version"]) for r in carried)
    assert len(times) >= 4
    assert set(times.values()) == {1}


def test_commands__with_the_firms_conf__plan_and_show_its_lake(firm, capsys):
    assert main([*_at(firm.lake), "status"]) == 0
    told = capsys.readouterr().out
    assert "serving release 2: night 1997-01-04" in told
    assert "still missing and required: trading_executions" in told
    assert main([*_at(firm.lake), "plan", "--date", str(D4)]) == 0
    assert "0 tables to run" in capsys.readouterr().out
    assert main([*_at(firm.lake), "quality"]) == 0
    assert "0 critical" in capsys.readouterr().out
    query = "SELECT count(*) AS people FROM gold.rfm WHERE as_of_date = DATE '1997-01-04'"
    assert main([*_at(firm.lake), "sql", query, "--format", "csv"]) == 0
    assert capsys.readouterr().out == "people\n3\n"


def test_night__made_again_with_other_content__later_silver_nights_are_made_again_before_the_publish(firm):
    settings = firm.before.settings
    parameters = {**settings.conf["parameters"], EXECUTIONS: {"time_zone": "Asia/Tokyo"}}
    changed = nights.open_lake(replace(settings, conf={**settings.conf, "parameters": parameters}))
    old = read_releases(settings)[-1]
    release = nights.night(changed, D1)
    assert release.number == old.number + 1
    assert release.night == D3
    executed = {row["executed_at"] for row in open_release(settings).arrow(EXECUTIONS).to_pylist()}
    assert executed == {datetime(1997, 1, day, 3, tzinfo=UTC) for day in (1, 2, 3)}
    ledger = [r for r in ops.read_ops(settings, "ledger").to_pylist() if r["run_id"] == f"nightly:{D1}"]
    made = {table: sorted(r["date"] for r in ledger if r["table_name"] == table) for table in {
        r["table_name"] for r in ledger
    }}  # fmt: skip
    assert made[EXECUTIONS] == [D1, D2, D3]
    assert made["silver.party_days"] == [D1, D2, D3]
    assert "silver.customer_milestones" not in made, "party days came out equal, so what is made from them is skipped"
    metadata = json.loads(DeltaTable(settings.table_path("silver.party_days")).history(1)[0]["userMetadata"])
    assert metadata["input_versions"][EXECUTIONS] == release.vector[EXECUTIONS]
