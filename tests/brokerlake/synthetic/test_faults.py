import csv
import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq

from brokerlake.synthetic.day_dates import DayDates
from brokerlake.synthetic.faults import MALFORMED_CEILING, Faults
from brokerlake.synthetic.formats import FEEDS
from brokerlake.synthetic.population import make_population
from tests.brokerlake.synthetic.small_broker import WEEKDAYS, broker_of_a_month, lines, make, records


def _all_faults():
    return pq.read_table(broker_of_a_month() / "truth" / "faults.parquet").to_pylist()


def _ledger():
    return [row for row in _all_faults() if row["line"] > 0]


def _line(row):
    return lines(broker_of_a_month() / "landing" / row["file"], FEEDS[row["feed"]])[row["line"] - 1]


def test_planted__every_ledger_row__is_that_line_of_that_file():
    for row in _ledger():
        feed, line = FEEDS[row["feed"]], _line(row)
        if row["kind"] == "broken_json":
            assert line.startswith("{") and not line.endswith("}")
        elif row["kind"] == "missing_column":
            assert line.count(feed.delimiter) == len(feed.columns) - 2
        else:
            cells = json.loads(line) if feed.kind == "json_lines" else _cells(line, feed)
            assert "|".join(cells[name] or "" for name in feed.key) == row["key"]


def _cells(line, feed):
    return dict(zip(feed.columns, next(csv.reader([line], delimiter=feed.delimiter)), strict=True))


def test_planted__each_kind__has_its_outcome_and_its_damage():
    kinds = Counter((row["kind"], row["expected"]) for row in _ledger())
    assert kinds[("duplicate", "duplicate")] and kinds[("late", "kept")] and kinds[("unknown_property", "kept")]
    assert kinds[("broken_json", "rejected")] and kinds[("missing_column", "rejected")]
    damage = {
        "quantity_not_a_number": "1,200 shares",
        "unknown_event": "shake_phone",
        "wrong_type": "quite long",
        "unknown_property": "campaign_hint",
        "executed_at_not_a_time": "2024-13-41",
        "logged_in_at_not_a_time": "0000-00-00",
    }
    for row in _ledger():
        assert damage.get(row["kind"], "") in _line(row)


def test_planted__duplicates__are_exact_copies_further_down():
    for row in (row for row in _ledger() if row["kind"] == "duplicate"):
        found = lines(broker_of_a_month() / "landing" / row["file"], FEEDS[row["feed"]])
        assert found.index(found[row["line"] - 1]) < row["line"] - 1


def test_planted__late_lines__speak_of_an_earlier_trading_day():
    late = [row for row in _ledger() if row["kind"] == "late"]
    for row in late:
        columns = ["occurred_at", "logged_in_at", "started_at", "clicked_at"]
        line, feed = _line(row), FEEDS[row["feed"]]
        cells = json.loads(line) if feed.kind == "json_lines" else _cells(line, feed)
        told = next(cells[name] for name in columns if name in cells)[:10]
        assert told <= str(WEEKDAYS[WEEKDAYS.index(row["business_date"]) - 1])
    assert late


def test_planted__malformed_lines__are_about_one_in_a_thousand():
    landing = broker_of_a_month() / "landing"
    for feed in ("web_events", "trading_executions"):
        rejected = sum(row["expected"] == "rejected" and row["feed"] == feed for row in _ledger())
        assert 0.0003 < rejected / len(records(landing, feed)) < 0.0025


def test_planted__small_file__gets_no_malformed_line():
    population = make_population(50, 1, 400)
    faults = Faults(population, 1, DayDates(WEEKDAYS))
    names = FEEDS["trading_orders"].columns
    small = pa.table({name: pa.array([f"{name}{n}" for n in range(199)]) for name in names})
    large = pa.concat_tables([small] * 20)
    assert int(MALFORMED_CEILING * 199) == 0
    assert not [
        p for day in range(20) for p in faults.planted("trading_orders", "f", small, day).planted if p.key is None
    ]
    assert [p for day in range(20) for p in faults.planted("trading_orders", "f", large, day).planted]


def test_corrected_delivery__lower_sequence__is_a_beginning_of_the_higher_one():
    row = next(row for row in _all_faults() if row["kind"] == "corrected_delivery")
    assert (row["expected"], row["line"]) == ("superseded", 0)
    landing, feed = broker_of_a_month() / "landing", FEEDS[row["feed"]]
    first = lines(landing / row["file"], feed)
    second = lines(landing / row["file"].replace("seq=1", "seq=2"), feed)
    assert len(first) < len(second) and set(first) <= set(second)
    for sequence in (1, 2):
        folder = (landing / row["file"]).parent.parent / f"seq={sequence}"
        assert json.loads((folder / "manifest.json").read_text())["sequence"] == sequence


def test_generate__without_faults__has_the_same_real_rows_and_no_ledger(tmp_path):
    clean = make(tmp_path, 0, 0, 1500, faults=False)
    assert pq.read_table(clean / "truth" / "faults.parquet").num_rows == 0
    name = "landing/web_events/2023-03-01/seq=1/events-20230301-00.jsonl.gz"
    real = lines(clean / name, FEEDS["web_events"])
    planted = {row["line"] for row in _ledger() if row["file"] == name.removeprefix("landing/")}
    found = lines(broker_of_a_month() / name, FEEDS["web_events"])
    assert real == [line for number, line in enumerate(found, start=1) if number not in planted]
