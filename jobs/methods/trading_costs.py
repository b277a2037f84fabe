"""What a trade costs, brings the house, and does to cash and holdings; all in CNY, to the cent.

Conventions of the made-up broker, shared with `conf/fees.yaml`: fees = commission + stamp duty + transfer fee, plus
exchange and regulatory fee where `commission_basis` is net; where it is gross, both are inside the commission.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

MONEY = "decimal(18,4)"
BUY_LIKE = ("buy", "subscribe", "ipo", "finance_buy")
SELL_LIKE = ("sell", "redeem")
SHORT_SALE = "short_sell"
BUSINESS_KINDS = (*BUY_LIKE, *SELL_LIKE, SHORT_SALE)
COMMISSION_BASES = ("gross", "net")


def _pass_through_fees() -> Column:
    return F.col("exchange_fee") + F.col("regulatory_fee")


def _is_gross() -> Column:
    return F.col("commission_basis") == "gross"


def trade_fees() -> Column:
    """Everything the customer pays beside the amount."""
    outside = F.when(_is_gross(), F.lit(0).cast(MONEY)).otherwise(_pass_through_fees())
    return (F.col("commission") + F.col("stamp_duty") + F.col("transfer_fee") + outside).cast(MONEY)


def net_revenue() -> Column:
    """What stays with the house: commission, less the pass-through fees where they are inside it."""
    passed_on = F.when(_is_gross(), _pass_through_fees()).otherwise(F.lit(0).cast(MONEY))
    return (F.col("commission") - passed_on).cast(MONEY)


def cash_effect() -> Column:
    """Signed: buy-like -(amount + fees), sell-like +(amount - fees); null for another kind.

    Of a financed purchase it is the loan that grows, of a fund the money in transit or receivable: net assets change
    by the same amount.
    """
    kind, fees = F.col("business_kind"), trade_fees()
    bought = kind.isin(*BUY_LIKE)
    sold = kind.isin(*SELL_LIKE, SHORT_SALE)
    return F.when(bought, -(F.col("amount") + fees)).when(sold, F.col("amount") - fees).cast(MONEY)


def signed_quantity() -> Column:
    """+ into the holding, - out of it; 0 for a short sale, which is a debt and no holding."""
    kind, quantity = F.col("business_kind"), F.col("quantity")
    return F.when(kind.isin(*BUY_LIKE), quantity).when(kind.isin(*SELL_LIKE), -quantity).otherwise(0).cast(MONEY)
