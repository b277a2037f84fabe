"""Something real: the CDNOW purchase log through landing, bronze, silver and gold of a young firm.

Published numbers of the full file: 69,659 purchases (255 of them look-alikes of another, all real), 23,570
customers, 2,500,315.63 dollars, 67,591 customer-days, 12,054 customers with one purchase day.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow.compute as pc
import pytest

from brokerlake.reader import open_release
from brokerlake.tables import ops
from tests.conftest import COMPILED, PROJECT
from tests.e2e import cdnow, nights

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("cdnow")]
PURCHASES, CUSTOMERS, DOLLARS = 69_659, 23_570, Decimal("2500315.63")


@pytest.fixture(scope="module")
def released(spark, test_settings, tmp_path_factory):
    spark_conf = {**test_settings.conf["spark"], "settings": COMPILED}
    compiled = replace(test_settings, conf={**test_settings.conf, "spark": spark_conf})
    lake = nights.open_scratch(tmp_path_factory.mktemp("cdnow"), compiled, PROJECT / "conf" / "young_firm")
    cdnow.write_landing(lake.settings.landing)
    nights.backfill(lake, cdnow.FIRST, cdnow.LAST, as_of="last")
    return open_release(lake.settings)


def test_cdnow__the_file__is_the_published_one():
    purchases = list(cdnow.purchases())
    assert len(purchases) == PURCHASES
    assert len(purchases) - len(set(purchases)) == 255


def test_cdnow__executions__every_purchase_is_kept(released):
    executions = released.arrow("silver.executions")
    assert executions.num_rows == PURCHASES
    assert pc.sum(executions["amount"]).as_py() == DOLLARS
    assert pc.count_distinct(executions["customer_no"]).as_py() == CUSTOMERS
    assert ops.read_ops(released.settings, "rejected").num_rows == 0
    first = pc.min(executions["executed_at"]).as_py()
    assert first == datetime(1997, 1, 1, 12, tzinfo=UTC)


def test_cdnow__totals__are_carried_from_landing_to_silver(released):
    totals = ops.read_ops(released.settings, "control_totals").to_pylist()
    assert [row for row in totals if row["difference"]] == []
    for step in ("bronze", "silver"):
        of_step = [row for row in totals if row["step"] == step and row["feed"] == "trading_executions"]
        carried = {"rows": Decimal(PURCHASES), "amount": DOLLARS, "commission": DOLLARS}
        for measure, expected in carried.items():
            rows = [row for row in of_step if row["measure"] == measure]
            assert (sum(r["came_in"] for r in rows), sum(r["kept"] for r in rows)) == (expected, expected), measure


def test_cdnow__party_days__are_the_customer_days(released):
    days = released.arrow("silver.party_days")
    traded = days.filter(pc.greater(days["trade_count"], 0))
    assert traded.num_rows == 67_591
    assert pc.sum(traded["trade_count"]).as_py() == PURCHASES


def test_cdnow__clv_features__tell_who_bought_on_one_day_only(released):
    features = released.arrow("gold.clv_features")
    assert set(features["as_of_date"].to_pylist()) == {cdnow.LAST}
    assert features.num_rows == CUSTOMERS
    assert pc.sum(pc.equal(features["lifetime_trading_days_with_trades"], 1)).as_py() == 12_054
    assert pc.sum(features["lifetime_net_revenue_amount"]).as_py() == DOLLARS


def test_cdnow__gold_of_a_young_firm__holds_its_customers_without_what_it_has_no_feed_for(released):
    assert released.arrow("gold.customer_360").num_rows == CUSTOMERS
    assert {"silver.executions", "gold.rfm"} < set(released.release.public)
    assert not {"silver.events", "silver.orders", "silver.balances"} & set(released.release.public)
