"""What one fact adds to a party's day: per kind of fact the measures of silver.party_days, as columns.

A measure is unsigned where its name says the direction. All amounts are CNY.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

BUY_KINDS = ("buy", "finance_buy", "ipo")
SELL_KINDS = ("sell", "short_sell")
PRODUCT_GROUPS = ("stock", "fund", "money_fund")
MONEY_TYPE = "decimal(18,4)"
PAGE_KIND_MEASURES = {
    "search_count": "search",
    "product_view_count": "product",
    "watchlist_count": "watchlist",
    "order_page_count": "order",
    "transfer_page_count": "transfer",
    "closing_page_count": "closing",
    "service_page_count": "service",
    "community_count": "community",
}
HOUR_BANDS = {
    "night_event_count": (0, 360),
    "morning_event_count": (360, 570),
    "midday_event_count": (570, 780),
    "afternoon_event_count": (780, 1020),
    "evening_event_count": (1020, 1440),
}
"""Minutes of the local day, from inclusive, to exclusive."""


def _money_where(condition: Column, amount: Column) -> Column:
    return F.when(condition, amount).otherwise(F.lit(0)).cast(MONEY_TYPE)


def _count_where(condition: Column) -> Column:
    return F.when(condition, F.lit(1)).otherwise(F.lit(0)).cast("bigint")


def product_group(groups: Mapping[str, Sequence[str]]) -> Column:
    """stock, fund or money_fund by product_line; other for every line not listed and for unknown products."""
    line = F.col("product_line")
    chosen = F.lit("other")
    for group in reversed(PRODUCT_GROUPS):
        chosen = F.when(line.isin(*groups[group]), F.lit(group)).otherwise(chosen)
    return chosen


def of_execution(groups: Mapping[str, Sequence[str]]) -> dict[str, Column]:
    """Trades (customer-initiated) by direction and product group; fees and revenue of every execution."""
    trade, kind, amount, group = (
        F.col("is_customer_initiated"),
        F.col("business_kind"),
        F.col("amount"),
        product_group(groups),
    )
    buys = trade & kind.isin(*BUY_KINDS, "subscribe")
    sells = trade & kind.isin(*SELL_KINDS, "redeem")
    return {
        "trade_count": _count_where(trade),
        "system_trade_count": _count_where(~trade),
        "buy_count": _count_where(buys),
        "sell_count": _count_where(sells),
        "buy_amount": _money_where(trade & kind.isin(*BUY_KINDS), amount),
        "sell_amount": _money_where(trade & kind.isin(*SELL_KINDS), amount),
        "subscribe_amount": _money_where(trade & (kind == "subscribe"), amount),
        "redeem_amount": _money_where(trade & (kind == "redeem"), amount),
        "trade_amount": _money_where(trade, amount),
        **{
            f"{name}_trade_amount": _money_where(trade & (group == name), amount) for name in (*PRODUCT_GROUPS, "other")
        },
        "money_fund_redeem_amount": _money_where(trade & (kind == "redeem") & (group == "money_fund"), amount),
        "commission_amount": F.col("commission"),
        "pass_through_fee_amount": (F.col("exchange_fee") + F.col("regulatory_fee")).cast(MONEY_TYPE),
        "net_revenue_amount": F.col("net_revenue_amount"),
        "stamp_duty_amount": F.col("stamp_duty"),
        "transfer_fee_amount": F.col("transfer_fee"),
    }


def of_cash_flow() -> dict[str, Column]:
    """Bank transfers by direction, income and costs; adjustments are in net assets only."""
    kind, amount = F.col("kind"), F.col("amount")
    return {
        "bank_in_amount": _money_where(kind == "bank_in", amount),
        "bank_out_amount": _money_where(kind == "bank_out", -amount),
        "bank_in_count": _count_where(kind == "bank_in"),
        "bank_out_count": _count_where(kind == "bank_out"),
        "dividend_amount": _money_where(kind.isin("dividend", "dividend_tax"), amount),
        "interest_amount": _money_where(kind == "interest", amount),
        "financing_interest_amount": _money_where(kind == "financing_interest", -amount),
        "advisory_fee_amount": _money_where(kind == "advisory_fee", -amount),
        "fee_amount": _money_where(kind == "fee", -amount),
    }


def of_security_movement() -> dict[str, Column]:
    """Value of securities moved in and out without a trade."""
    kind, value = F.col("kind"), F.col("value")
    return {
        "securities_in_amount": _money_where(value > 0, value),
        "securities_out_amount": _money_where(value < 0, -value),
        "custody_in_amount": _money_where((kind == "custody_in") & (value > 0), value),
        "custody_out_amount": _money_where((kind == "custody_out") & (value < 0), -value),
    }


def of_position(groups: Mapping[str, Sequence[str]]) -> dict[str, Column]:
    """Levels: market value by product group."""
    group = product_group(groups)
    return {
        f"{name}_value_amount": _money_where(group == name, F.col("market_value"))
        for name in (*PRODUCT_GROUPS, "other")
    }


def of_balance() -> dict[str, Column]:
    """Levels: net assets, cash with what is on its way, debt; and the day's profit."""
    return {
        "net_assets_amount": F.col("net_assets_amount"),
        "cash_amount": (F.col("cash") + F.col("in_transit") + F.col("receivable")).cast(MONEY_TYPE),
        "debt_amount": (
            F.col("financing_principal") + F.col("interest_and_fees_owed") + F.col("short_market_value")
        ).cast(MONEY_TYPE),
        "profit_amount": F.coalesce(F.col("profit_amount"), F.lit(0)).cast(MONEY_TYPE),
    }


def of_order(filled_statuses: Sequence[str], cancelled_statuses: Sequence[str]) -> dict[str, Column]:
    """Orders by outcome and channel."""
    by_customer = F.col("entry_channel") != "system"
    return {
        "order_count": F.lit(1).cast("bigint"),
        "filled_order_count": _count_where(by_customer & F.col("status").isin(*filled_statuses)),
        "cancelled_order_count": _count_where(F.col("status").isin(*cancelled_statuses)),
        "app_order_count": _count_where(F.col("entry_channel") == "app"),
    }


def of_login() -> dict[str, Column]:
    """Logins by terminal."""
    return {"login_count": F.lit(1).cast("bigint"), "own_app_login_count": _count_where(F.col("terminal") == "own_app")}


def of_event(time_zone: str) -> dict[str, Column]:
    """Events by page kind and by hour band of the local day."""
    local = F.from_utc_timestamp("occurred_at", time_zone)
    minute = F.hour(local) * 60 + F.minute(local)
    return {
        "event_count": F.lit(1).cast("bigint"),
        "banner_click_count": _count_where(F.col("event") == "banner_click"),
        **{name: _count_where(F.col("page_kind") == kind) for name, kind in PAGE_KIND_MEASURES.items()},
        **{name: _count_where((minute >= low) & (minute < high)) for name, (low, high) in HOUR_BANDS.items()},
    }


def of_visit() -> dict[str, Column]:
    """Visits begun (a continued part begins none) and their time."""
    return {"visit_count": _count_where(~F.col("is_continued")), "duration_ms": F.col("duration_ms")}


def of_contact(closing_topics: Sequence[str]) -> dict[str, Column]:
    """Contacts, complaints and questions how to close the account."""
    return {
        "contact_count": F.lit(1).cast("bigint"),
        "complaint_count": _count_where(F.col("kind") == "complaint"),
        "closing_question_count": _count_where(F.col("topic").isin(*closing_topics)),
    }
