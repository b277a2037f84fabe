"""Bronze read in Spark tasks is what it is read in this process: rows, counts, rejected rows, identities, refusals."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark import cloudpickle

from brokerlake.errors import BrokerlakeError, ConfigurationError, LandingError, RejectLimitError
from brokerlake.ingest import Ingested, InSpark, in_tasks, ingest_feed
from brokerlake.ingest import feed as feed_module
from brokerlake.ingest.sources import feed_source
from brokerlake.lake import load_feeds
from brokerlake.landing import Delivery, find_deliveries
from brokerlake.privacy import current_key
from brokerlake.privacy.keys import key_folder
from brokerlake.settings import Settings, load_settings
from brokerlake.tables import delta_files
from tests.brokerlake.landing.hand_over import delimited_bytes, hand_over, json_bytes

pytestmark = pytest.mark.spark
MONDAY, TUESDAY = date(2024, 3, 4), date(2024, 3, 5)
FLOWS, PEOPLE, EVENTS = "trading_cash_flows", "crm_customers", "web_events"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path / "home", profile="cluster")


def flow(number: int, amount: str = "10.25") -> dict[str, str]:
    return {"flow_id": f"f{number}", "account_id": f"60880000{number:04d}", "kind": "bank_in", "amount": amount,
            "currency": "CNY", "occurred_at": "2024-03-04 10:00:00"}  # fmt: skip


def person(number: int) -> dict[str, str]:
    return {"change_seq": str(number), "op": "I", "customer_no": f"C{number}", "name": f"王{number}伟",
            "id_number": f"99010119900101{number:04d}", "phone": f"125{number:08d}"}  # fmt: skip


def deliver_everything(landing: Path) -> None:
    """Three formats' worth of files over two nights: malformed lines, keyless rows, a correction that withdraws."""
    rows = [[flow(part * 100 + n) for n in range(60)] for part in range(4)]
    files = {f"part-{part}.txt": delimited_bytes(FLOWS, some) for part, some in enumerate(rows)}
    files["part-0.txt"] += b"x|1\n"
    everything = [row for some in rows for row in some]
    counts = dict.fromkeys(files, 60) | {"part-0.txt": 61}
    hand_over(landing, FLOWS, MONDAY, everything, files, file_rows=counts, row_count=241)
    hand_over(landing, FLOWS, MONDAY, everything[:-3], sequence=2, delivered_on=TUESDAY)
    people = [person(n) for n in range(1, 400)]
    broken = "400,U,C2,person,李小龙,id,990101199001015678,12598765432\n".encode("gb18030")
    content = {"c.csv": delimited_bytes(PEOPLE, people, ",") + broken}
    hand_over(landing, PEOPLE, MONDAY, people, content, kind="changes", file_rows={"c.csv": 400}, row_count=400)
    for day in (MONDAY, TUESDAY):
        events = [{"event_id": f"{day}-{n}", "distinct_id": f"dev{n % 7}", "ip": "198.18.0.7"} for n in range(50)]
        hand_over(landing, EVENTS, day, events, {"e.jsonl.gz": json_bytes(EVENTS, events)})


def ingest(settings: Settings, feed: str, spark: Any = None, base: int | None = None) -> Ingested:
    taken: dict[date, list[Delivery]] = {}
    for delivery in find_deliveries(settings, {feed: load_feeds(settings)[feed]}):
        taken.setdefault(delivery.delivered_on, []).append(delivery)
    nights = sorted(taken)
    place = InSpark(spark, settings.private / "staged") if spark else None
    return ingest_feed(settings, feed, taken, nights, base_version=base, user_metadata={"run_id": "r1"}, in_spark=place)


def rows_of(path: Path, *order: str) -> list[dict[str, Any]]:
    rows = DeltaTable(path).to_pyarrow_table().to_pylist()
    return sorted(rows, key=lambda row: [row[name] for name in order])


def same_lake(settings: Settings, name: str) -> Settings:
    """Another home with the same landing and key."""
    other = load_settings(home=settings.home.parent / name, profile="local")
    shutil.copytree(settings.landing, other.landing)
    shutil.copytree(key_folder(settings), key_folder(other))
    return other


@pytest.mark.parametrize("feed", [FLOWS, PEOPLE, EVENTS])
def test_in_tasks__against_this_process__same_rows_counts_rejects_and_identities(settings, spark, monkeypatch, feed):
    monkeypatch.setattr(feed_module, "GROUP_FILES", 2)
    deliver_everything(settings.landing)
    current_key(settings)
    direct = same_lake(settings, "direct")
    there, here = ingest(settings, feed, spark), ingest(direct, feed)
    place = ("_delivered_on", "_file", "_line")
    rows = rows_of(settings.table_path(there.table), *place)
    assert rows and rows == rows_of(direct.table_path(here.table), *place)
    assert there.counts == here.counts
    assert there.rejected.to_pylist() == here.rejected.to_pylist()
    vault, others = ("vault/identities",), ("token",)
    assert rows_of(settings.home / vault[0], *others) == rows_of(direct.home / vault[0], *others)
    if feed == FLOWS:
        assert there.counts[TUESDAY].withdrawn == 3 and there.rejected.num_rows == 1
    assert not in_tasks.inbox(settings, feed).exists()


def test_in_tasks__night_again__same_content(settings, spark):
    hand_over(settings.landing, FLOWS, MONDAY, [flow(1), flow(2)])
    first = ingest(settings, FLOWS, spark)
    before = rows_of(settings.table_path(first.table), "_line")
    again = ingest(settings, FLOWS, spark, base=first.version)
    assert rows_of(settings.table_path(again.table), "_line") == before
    assert again.counts == first.counts


def _lies(landing: Path) -> None:
    hand_over(landing, FLOWS, MONDAY, [flow(1), flow(2)], control_sums={"amount": "20.51"})


def _drifts(landing: Path) -> None:
    content = delimited_bytes(FLOWS, [flow(1)]).replace(b"amount", b"betrag")
    hand_over(landing, FLOWS, MONDAY, [flow(1)], {"f.txt": content})


def _malformed(landing: Path) -> None:
    content = delimited_bytes(FLOWS, [flow(1)]) + b"x\n"
    hand_over(landing, FLOWS, MONDAY, [flow(1)], {"f.txt": content}, file_rows={"f.txt": 2}, row_count=2)


@pytest.mark.parametrize(
    ("spoil", "error"), [(_lies, LandingError), (_drifts, LandingError), (_malformed, RejectLimitError)]
)
def test_in_tasks__delivery_is_refused__the_same_one_line_and_nothing_committed(settings, spark, spoil, error):
    spoil(settings.landing)
    current_key(settings)
    direct = same_lake(settings, "direct")
    with pytest.raises(error) as there:
        ingest(settings, FLOWS, spark)
    with pytest.raises(error) as here:
        ingest(direct, FLOWS)
    assert str(there.value) == str(here.value)
    assert "\n" not in str(there.value)
    assert rows_of(settings.table_path(f"bronze.{FLOWS}")) == []
    assert not in_tasks.inbox(settings, FLOWS).exists()


def work_of(settings: Settings, check: str | None = None) -> in_tasks.Work:
    key = current_key(settings)
    return in_tasks.Work(settings, feed_source(settings, FLOWS), [()], check or in_tasks.key_check(key))


def only_report(work: in_tasks.Work) -> in_tasks.Report:
    (part,) = list(in_tasks.read_group(work, 0))
    return in_tasks.pickle.loads(part.column(in_tasks.REPORT)[0].as_py())


def test_work__as_it_travels__holds_no_key(settings):
    work = work_of(settings)
    secret = current_key(settings).secret
    travelling = cloudpickle.dumps(work)
    assert secret not in travelling and secret.hex().encode() not in travelling


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda folder: shutil.rmtree(folder), "a Spark worker has neither BROKERLAKE_TOKEN_KEY nor the lake's key"),
        (
            lambda folder: (folder / "k1.key").write_bytes(b"x" * 32),
            "a Spark worker has another token key than the run",
        ),
    ],
)
def test_read_group__worker_without_the_runs_key__reports_it_and_makes_none(settings, spoil, cause):
    work = work_of(settings)
    spoil(key_folder(settings))
    report = only_report(work)
    with pytest.raises(ConfigurationError, match=cause):
        report.raise_failure()
    if not key_folder(settings).exists():
        assert not list(settings.private.rglob("*.key"))


def test_raise_failure__class_that_is_not_known_here__still_one_of_ours():
    with pytest.raises(BrokerlakeError, match="feed x: gone"):
        in_tasks.Report(failure=("Unheard", "feed x: gone")).raise_failure()


def test_open_inbox__left_over_of_a_killed_run__gone(settings):
    left = in_tasks.open_inbox(settings, FLOWS) / "old.parquet"
    left.write_bytes(b"clear")
    assert list(in_tasks.open_inbox(settings, FLOWS).iterdir()) == []
    assert settings.vault.stat().st_mode & 0o077 == 0


def test_ingest__feed_without_any_file__makes_the_empty_table(settings, spark):
    place = InSpark(spark, settings.private / "staged")
    done = ingest_feed(settings, FLOWS, {}, [MONDAY], base_version=None, user_metadata={}, in_spark=place)
    assert delta_files.head(settings.table_path(done.table)) is not None
    assert done.counts[MONDAY].landed == 0
