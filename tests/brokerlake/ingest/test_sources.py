"""Transport and contracts of the feeds fit together; a typing error in feeds.yaml is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from brokerlake.errors import ConfigurationError
from brokerlake.ingest import feed_source
from brokerlake.lake import load_feeds
from brokerlake.privacy import MASKS
from brokerlake.settings import load_settings

SETTINGS = load_settings(profile="local")
FEEDS = sorted(load_feeds(SETTINGS))
IDENTITIES = {"name", "id_number", "phone", "email", "account", "device", "ip", "wecom", "licence"}


def test_feeds__twenty_feeds__eight_of_them_required():
    required = {feed for feed, transport in load_feeds(SETTINGS).items() if transport["required"]}
    assert len(FEEDS) == 20
    assert required == {
        "trading_accounts", "trading_executions", "trading_cash_flows", "trading_positions", "trading_balances",
        "market_quotes", "market_products", "crm_customers",
    }  # fmt: skip


@pytest.mark.parametrize("feed", FEEDS)
def test_feed_source__every_feed__contract_and_transport_fit(feed):
    source = feed_source(SETTINGS, feed)
    raw = source.contract.raw
    OpenDataContractStandard.model_validate(raw)
    assert raw["customProperties"][0]["value"] in {"facts", "changes", "snapshot"}
    assert source.contract.key and source.contract.date_column == "_delivered_on"
    names = [column.name for column in source.columns]
    assert set(source.contract.key) <= set(names)
    for column in source.columns:
        assert column.type == "string"
        assert column.get("identity") in {None, *IDENTITIES}
        if column.get("identity") or column.get("free_text"):
            assert column.classification in {"3/C2", "2/C1"}
    for column in source.masked:
        origin = source.contract.by_name[column.get("masked_from")]
        assert origin.get("identity") in MASKS


def changed_feeds(folder: Path, **changes) -> Path:
    shutil.copytree(SETTINGS.conf_folder, folder / "conf")
    path = folder / "conf" / "feeds.yaml"
    feeds = yaml.safe_load(path.read_text())
    feeds["feeds"]["trading_orders"].update(changes)
    path.write_text(yaml.safe_dump(feeds))
    return folder / "conf"


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"delimeter": ";"}, "unknown field delimeter"),
        ({"format": "csv"}, "no format csv"),
        ({"by_ending": {".xlsx": "excel"}}, "no format excel"),
        ({"compression": "zip"}, "compression must be gzip or none"),
    ],
)
def test_feed_source__transport_is_wrong__names_feed_and_field(tmp_path, changes, cause):
    settings = load_settings(home=tmp_path, profile="local", conf=changed_feeds(tmp_path, **changes))
    with pytest.raises(ConfigurationError, match=f"feeds.yaml: feed trading_orders: {cause}"):
        feed_source(settings, "trading_orders")


def test_feed_source__feed_is_not_configured__says_so():
    with pytest.raises(ConfigurationError, match="no feed trading_gold"):
        feed_source(SETTINGS, "trading_gold")
