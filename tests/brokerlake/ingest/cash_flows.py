"""Deliveries of one small feed, taken and ingested for tests."""

from __future__ import annotations

from datetime import date

from deltalake import DeltaTable

from brokerlake.ingest import Ingested, ingest_feed
from brokerlake.lake import load_feeds
from brokerlake.landing import Delivery, find_deliveries
from brokerlake.settings import Settings

MONDAY, TUESDAY, WEDNESDAY = date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 6)
FLOWS = "trading_cash_flows"


def flow(number: int, amount: str = "10.25", **more: str) -> dict[str, str]:
    return {"flow_id": f"f{number}", "account_id": f"60880000{number:04d}", "kind": "bank_in", "amount": amount,
            "currency": "CNY", "occurred_at": "2024-03-04 10:00:00", **more}  # fmt: skip


def take(settings: Settings, feed: str = FLOWS) -> dict[date, list[Delivery]]:
    found: dict[date, list[Delivery]] = {}
    for delivery in find_deliveries(settings, {feed: load_feeds(settings)[feed]}):
        found.setdefault(delivery.delivered_on, []).append(delivery)
    return found


def ingest(settings: Settings, *dates: date, feed: str = FLOWS, base_version: int | None = None) -> Ingested:
    taken = take(settings, feed)
    return ingest_feed(
        settings, feed, taken, dates or sorted(taken), base_version=base_version, user_metadata={"run_id": "r1"}
    )


def bronze(settings: Settings, feed: str = FLOWS, version: int | None = None) -> list[dict]:
    rows = DeltaTable(settings.table_path(f"bronze.{feed}"), version=version).to_pyarrow_table().to_pylist()
    return sorted(rows, key=lambda row: (row["_delivered_on"], row["_file"], row["_line"]))
