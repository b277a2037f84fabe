from decimal import Decimal

import pytest

from jobs.methods.trading_costs import cash_effect, net_revenue, signed_quantity, trade_fees
from tests.rows import rows

FEES = {"commission": 5, "exchange_fee": "0.34", "regulatory_fee": "0.20", "stamp_duty": "5.00", "transfer_fee": "0.10"}
# kind, basis -> fees, net revenue, cash effect, signed quantity of 100 for 10,000 CNY
EXPECTED = {
    ("buy", "net"): ("10.64", "5", "-10010.64", 100),
    ("buy", "gross"): ("10.10", "4.46", "-10010.10", 100),
    ("sell", "net"): ("10.64", "5", "9989.36", -100),
    ("sell", "gross"): ("10.10", "4.46", "9989.90", -100),
    ("subscribe", "net"): ("10.64", "5", "-10010.64", 100),
    ("redeem", "net"): ("10.64", "5", "9989.36", -100),
    ("ipo", "net"): ("10.64", "5", "-10010.64", 100),
    ("finance_buy", "net"): ("10.64", "5", "-10010.64", 100),
    ("short_sell", "net"): ("10.64", "5", "9989.36", 0),
}


@pytest.fixture(scope="module")
def costs(spark):
    trades = [
        {**FEES, "quantity": 100, "amount": 10000, "business_kind": kind, "commission_basis": basis}
        for kind, basis in (*EXPECTED, ("gift", "net"))
    ]
    columns = [trade_fees(), net_revenue(), cash_effect(), signed_quantity()]
    found = rows(spark, "silver.executions", trades).select("business_kind", "commission_basis", *columns).collect()
    return {(row[0], row[1]): tuple(row)[2:] for row in found}


@pytest.mark.parametrize("case", EXPECTED)
def test_trade_costs__kind_and_basis__as_the_fee_rules_say(costs, case):
    assert costs[case] == tuple(Decimal(value) for value in EXPECTED[case])


def test_cash_effect__unknown_kind__null(costs):
    assert costs["gift", "net"][2] is None
