"""Something real: the CDNOW purchase log through landing, bronze, silver and gold of a young firm.

Published numbers of the full file: 69,659 purchases (255 of them look-alikes of another, all real), 23,570
customers, 2,500,315.63 dollars, 67,591 customer-days, 12,054 customers with one purchase day.
"""

from __future__ import annotations

from decimal import Decimal

import pyarrow.compute as pc
import pytest

from brokerlake.reader import open_release
from brokerlake.tables import ops
from tests.conftest import PROJECT
from tests.e2e import cdnow, nights

pytestmark = [pytest.mark.spark, pytest.mark.release, pytest.mark.xdist_group("cdnow")]


@pytest.fixture(scope="module")
def released(spark, test_settings, tmp_path_factory):
    lake = nights.open_scratch(tmp_path_factory.mktemp("cdnow"), test_settings, PROJECT / "conf" / "young_firm")
    cdnow.write_landing(lake.settings.landing)
    nights.backfill(lake, cdnow.FIRST, cdnow.LAST, as_of="sparse")
    return open_release(lake.settings)


def test_cdnow__executions__every_purchase_is_kept(released):
    executions = released.arrow("silver.executions")
    assert executions.num_rows == 69_659
    assert pc.sum(executions["amount"]).as_py() == Decimal("2500315.63")
    assert pc.count_distinct(executions["customer_no"]).as_py() == 23_570
    assert ops.read_ops(released.settings, "rejected").num_rows == 0


def test_cdnow__party_days__are_the_customer_days(released):
    days = released.arrow("silver.party_days")
    traded = days.filter(pc.greater(days["trade_count"], 0))
    assert traded.num_rows == 67_591
    assert pc.sum(traded["trade_count"]).as_py() == 69_659


def test_cdnow__clv_features__tell_who_bought_on_one_day_only(released):
    features = released.arrow("gold.clv_features")
    last = features.filter(pc.equal(features["as_of_date"], cdnow.LAST))
    assert last.num_rows == 23_570
    assert pc.sum(pc.equal(last["lifetime_trading_days_with_trades"], 1)).as_py() == 12_054
    assert pc.sum(last["lifetime_net_revenue_amount"]).as_py() == Decimal("2500315.63")


def test_cdnow__gold_of_a_young_firm__holds_its_customers_without_what_it_has_no_feed_for(released):
    people = released.arrow("gold.customer_360")
    last = people.filter(pc.equal(people["as_of_date"], cdnow.LAST))
    assert last.num_rows == 23_570
    assert "silver.events" not in released.release.public
