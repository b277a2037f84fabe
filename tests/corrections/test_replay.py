"""Malformed rows rejected, repaired and replayed: in the end the lake holds and counts what a clean delivery gives."""

from __future__ import annotations

import shutil
from dataclasses import replace
from decimal import Decimal

import pyarrow.compute as pc
import pytest

from brokerlake.cli import main
from brokerlake.reader import open_release
from brokerlake.tables import ops
from tests.corrections import lakes
from tests.e2e import nights
from tests.faults.extracts import data_of, deliver

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("replay")]

TRADES, CUT, NO_NUMBER = 2000, 17, 1234
"""One row of a thousand is malformed: the values of one line are cut short, another has a quantity that is none."""
MEASURES = ("rows", "amount", "commission")


@pytest.fixture(scope="module")
def clean(spark, test_settings, tmp_path_factory):
    landed = with_party_days(lakes.land(tmp_path_factory.mktemp("clean"), test_settings, 2, trades=TRADES))
    nights.backfill(landed.lake, *landed.days)
    return landed


def with_party_days(landed):
    """The lake made up to the days of parties, which sum what executions come to."""
    return replace(
        landed, lake=replace(landed.lake, catalogue=landed.lake.catalogue.restrict_to_tables(["silver.party_days"]))
    )


def break_lines(landed) -> list[bytes]:
    """Malform two lines of the first night; the true lines, header first."""
    day, feed = landed.days[0], lakes.EXECUTIONS
    rows = landed.rows[day][feed]
    true = data_of(feed, rows).split(b"\n")[:-1]
    broken = list(true)
    broken[CUT + 1] = true[CUT + 1].rpartition(b"|")[0]
    quantity = true[0].split(b"|").index(b"quantity")
    values = true[NO_NUMBER + 1].split(b"|")
    broken[NO_NUMBER + 1] = b"|".join([*values[:quantity], b"zwei", *values[quantity + 1 :]])
    shutil.rmtree(lakes.folder_of(landed.lake, day))
    # The source counts what it can read of its own file: the cut line has no amount there.
    counted = [row for at, row in enumerate(rows) if at != CUT]
    files = {"executions.csv": (b"\n".join(broken) + b"\n", len(rows))}
    deliver(landed.lake.settings.landing, feed, day, counted, files=files)
    return true


def carried(landed, step: str = "silver") -> dict[str, Decimal]:
    """What a step kept of the executions, all nights together."""
    kept = dict.fromkeys(MEASURES, Decimal(0))
    for row in ops.read_ops(landed.lake.settings, "control_totals").to_pylist():
        if (row["feed"], row["step"]) == (lakes.EXECUTIONS, step) and row["measure"] in MEASURES:
            assert row["difference"] == 0
            kept[row["measure"]] += row["kept"]
    return kept


def party_days(landed) -> list[tuple]:
    """The days of parties as known at the end."""
    rows = open_release(landed.lake.settings).duckdb().execute(
        "SELECT party_id, effective_date, sum(trade_count), sum(trade_amount), sum(net_revenue_amount) "
        "FROM silver.party_days GROUP BY ALL ORDER BY ALL"
    )  # fmt: skip
    return rows.fetchall()


def executions(landed) -> list[dict]:
    rows = open_release(landed.lake.settings).arrow("silver.executions")
    return rows.sort_by("execution_id").to_pylist()


def test_replay__of_one_row_in_a_thousand__totals_and_content_of_a_clean_delivery(
    clean, spark, test_settings, tmp_path, monkeypatch
):
    landed = with_party_days(lakes.land(tmp_path / "home", test_settings, 2, trades=TRADES))
    true, (first, second) = break_lines(landed), landed.days
    nights.night(landed.lake, first)
    rejected = ops.read_ops(landed.lake.settings, "rejected").to_pylist()
    file = f"{lakes.EXECUTIONS}/{first}/seq=1/executions.csv"
    assert {(r["file"], r["line"], r["rule"], r["verdict"]) for r in rejected} == {
        (file, CUT + 2, "wrong_number_of_values", "rejected"),
        (file, NO_NUMBER + 2, "quantity_not_a_number", "rejected"),
    }
    monkeypatch.setattr("brokerlake.cli.workplace.Workplace.lake", lambda place: landed.lake)
    path = landed.lake.settings.landing / "repair" / "executions.csv"
    call = ["replay", "--feed", lakes.EXECUTIONS, "--night", str(first)]
    assert main([*call, "--write", str(path)]) == 0
    lines = path.read_bytes().split(b"\n")
    assert len(lines) == 4 and b"zwei" in lines[2]
    path.write_bytes(b"\n".join([true[0], true[CUT + 1], true[NO_NUMBER + 1], b""]))
    assert main([*call, "--from", str(path)]) == 0
    nights.night(landed.lake, second)
    assert carried(landed) == carried(clean)
    # Bronze read the row that silver rejected, and read it again.
    assert carried(landed, "bronze")["rows"] == carried(clean, "bronze")["rows"] + 1
    assert executions(landed) == executions(clean)
    assert party_days(landed) == party_days(clean)
    taken = ops.read_ops(landed.lake.settings, "manifests")
    assert taken.filter(pc.equal(taken["kind"], "replay")).select(["night", "rows"]).to_pylist() == [
        {"night": second, "rows": 2}
    ]
