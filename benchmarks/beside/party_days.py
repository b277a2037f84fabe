"""silver.party_days of a night, in SQL: what its facts add per party and date, less what their revisions replace."""

from __future__ import annotations

from benchmarks.beside.behaviour import LOCAL_DATE
from benchmarks.beside.sources import Night
from brokerlake.catalog import Contract

GROUPS = {
    "stock": "product_line IN ('stock', 'etf', 'reit', 'hk_stock')",
    "fund": "product_line IN ('fund_equity', 'fund_bond', 'private', 'pension')",
    "money_fund": "product_line IN ('fund_money')",
}
GROUPS["other"] = "coalesce(NOT (" + " OR ".join(f"({rule})" for rule in GROUPS.values()) + "), true)"
PAGES = {
    "search_count": "search",
    "product_view_count": "product",
    "watchlist_count": "watchlist",
    "order_page_count": "order",
    "transfer_page_count": "transfer",
    "closing_page_count": "closing",
    "service_page_count": "service",
    "community_count": "community",
}
BANDS = {
    "night": (0, 360),
    "morning": (360, 570),
    "midday": (570, 780),
    "afternoon": (780, 1020),
    "evening": (1020, 1440),
}
"""Minutes of the local day."""


def _of_execution() -> dict[str, tuple[str, str]]:
    trade, kind = "is_customer_initiated", "business_kind"
    found = {
        "trade_count": ("1", trade),
        "system_trade_count": ("1", f"NOT {trade}"),
        "buy_count": ("1", f"{trade} AND {kind} IN ('buy', 'finance_buy', 'ipo', 'subscribe')"),
        "sell_count": ("1", f"{trade} AND {kind} IN ('sell', 'short_sell', 'redeem')"),
        "buy_amount": ("amount", f"{trade} AND {kind} IN ('buy', 'finance_buy', 'ipo')"),
        "sell_amount": ("amount", f"{trade} AND {kind} IN ('sell', 'short_sell')"),
        "subscribe_amount": ("amount", f"{trade} AND {kind} = 'subscribe'"),
        "redeem_amount": ("amount", f"{trade} AND {kind} = 'redeem'"),
        "trade_amount": ("amount", trade),
        "money_fund_redeem_amount": ("amount", f"{trade} AND {kind} = 'redeem' AND {GROUPS['money_fund']}"),
        "commission_amount": ("commission", "true"),
        "pass_through_fee_amount": ("exchange_fee + regulatory_fee", "true"),
        "net_revenue_amount": ("net_revenue_amount", "true"),
        "stamp_duty_amount": ("stamp_duty", "true"),
        "transfer_fee_amount": ("transfer_fee", "true"),
    }
    return found | {f"{name}_trade_amount": ("amount", f"{trade} AND {rule}") for name, rule in GROUPS.items()}


def _of_event() -> dict[str, tuple[str, str]]:
    minute = "((floor(epoch(occurred_at) / 60)::BIGINT + 480) % 1440)"
    found = {"event_count": ("1", "true"), "banner_click_count": ("1", "event = 'banner_click'")}
    found |= {name: ("1", f"page_kind = '{kind}'") for name, kind in PAGES.items()}
    return found | {
        f"{name}_event_count": ("1", f"{minute} >= {low} AND {minute} < {high}") for name, (low, high) in BANDS.items()
    }


CUSTOMER = "'customer' AS party_kind, customer_no AS party_id"
ANYBODY = (
    "CASE WHEN customer_no IS NULL THEN 'device' ELSE 'customer' END AS party_kind, "
    "coalesce(customer_no, device_id) AS party_id"
)
_FLOWS = {
    "bank_in_amount": ("amount", "kind = 'bank_in'"),
    "bank_out_amount": ("-amount", "kind = 'bank_out'"),
    "bank_in_count": ("1", "kind = 'bank_in'"),
    "bank_out_count": ("1", "kind = 'bank_out'"),
    "dividend_amount": ("amount", "kind IN ('dividend', 'dividend_tax')"),
    "interest_amount": ("amount", "kind = 'interest'"),
    "financing_interest_amount": ("-amount", "kind = 'financing_interest'"),
    "advisory_fee_amount": ("-amount", "kind = 'advisory_fee'"),
    "fee_amount": ("-amount", "kind = 'fee'"),
}
_MOVEMENTS = {
    "securities_in_amount": ("value", "value > 0"),
    "securities_out_amount": ("-value", "value < 0"),
    "custody_in_amount": ("value", "kind = 'custody_in' AND value > 0"),
    "custody_out_amount": ("-value", "kind = 'custody_out' AND value < 0"),
}
_BALANCES = {
    "net_assets_amount": ("net_assets_amount", "true"),
    "cash_amount": ("cash + in_transit + receivable", "true"),
    "debt_amount": ("financing_principal + interest_and_fees_owed + short_market_value", "true"),
    "profit_amount": ("coalesce(profit_amount, 0)", "true"),
}
_ORDERS = {
    "order_count": ("1", "true"),
    "filled_order_count": (
        "1",
        "entry_channel <> 'system' AND status IN ('filled', 'partially_filled', 'confirmed')",
    ),
    "cancelled_order_count": ("1", "status = 'cancelled'"),
    "app_order_count": ("1", "entry_channel = 'app'"),
}
_CONTACTS = {
    "contact_count": ("1", "true"),
    "complaint_count": ("1", "kind = 'complaint'"),
    "closing_question_count": ("1", "topic = 'close_account'"),
}


def _summed(source: str, party: str, day: str, measures: dict[str, tuple[str, str]], effect: str = "1") -> str:
    sums = ", ".join(
        f"sum({effect} * ({value})) FILTER (WHERE {where}) AS {name}" for name, (value, where) in measures.items()
    )
    return f"SELECT {party}, {day} AS effective_date, {sums} FROM {source} GROUP BY ALL HAVING party_id IS NOT NULL"


def _executions() -> str:
    """The night's executions with effect +1, and what their revisions replace with -1."""
    columns = "* EXCLUDE (_delivered_on)"
    return f"""(
  SELECT {columns}, 1 AS effect FROM (
    SELECT * FROM executions QUALIFY row_number() OVER (PARTITION BY execution_id ORDER BY revision DESC) = 1
  ) WHERE NOT is_busted
  UNION ALL BY NAME SELECT {columns}, -1 AS effect FROM (
    SELECT e.* EXCLUDE (_file, _line, _sequence, _business_date, _row_hash, _withdrawn)
    FROM silver_executions e SEMI JOIN (SELECT execution_id FROM executions WHERE revision > 0) r USING (execution_id)
    QUALIFY row_number() OVER (PARTITION BY execution_id ORDER BY revision DESC) = 1
  ) WHERE NOT is_busted
)"""


def party_days(night: Night, contract: Contract) -> str:
    """The night's changes, from the tables `executions`, `cash_flows`, `events`, `visits` and other silver facts."""

    def of_night(table: str) -> str:
        return f"(SELECT * FROM silver_{table} WHERE _delivered_on = DATE '{night.day}')"

    values = {f"{name}_value_amount": ("market_value", rule) for name, rule in GROUPS.items()}
    logins = {"login_count": ("1", "true"), "own_app_login_count": ("1", "terminal = 'own_app'")}
    begun = {"visit_count": ("1", "NOT is_continued"), "duration_ms": ("duration_ms", "true")}
    device = "'device' AS party_kind, device_id AS party_id"
    parts = [
        _summed(_executions(), CUSTOMER, "trade_date", _of_execution(), "effect"),
        _summed("cash_flows", CUSTOMER, "flow_date", _FLOWS),
        _summed(of_night("security_movements"), CUSTOMER, "occurred_on", _MOVEMENTS),
        _summed(of_night("positions"), CUSTOMER, "position_date", values),
        _summed(of_night("balances"), CUSTOMER, "balance_date", _BALANCES),
        _summed(of_night("orders"), CUSTOMER, "order_date", _ORDERS),
        _summed(of_night("logins"), CUSTOMER, "login_date", logins),
        _summed(of_night("contacts"), CUSTOMER, "contact_date", _CONTACTS),
        _summed(of_night("ad_clicks"), device, "click_date", {"ad_click_count": ("1", "true")}),
        _summed("events", ANYBODY, "event_date", _of_event()),
        _summed("visits", ANYBODY, LOCAL_DATE.format("started_at"), begun),
    ]
    key = ("party_kind", "party_id", "effective_date")
    totals = ", ".join(
        f"CAST(coalesce(sum({column.name}), 0) AS {column.type}) AS {column.name}"
        for column in contract.columns
        if column.name not in (*key, "_delivered_on")
    )
    union = "\nUNION ALL BY NAME\n".join(f"({part})" for part in parts)
    return f"""
WITH part AS ({union})
SELECT {", ".join(key)}, {totals}, DATE '{night.day}' AS _delivered_on FROM part GROUP BY ALL"""
