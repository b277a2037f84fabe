"""What each fact adds to each measure, as a DuckDB CTE: in the words of the windows' contract, apart from the jobs."""

from __future__ import annotations

STOCK = "('stock', 'etf', 'reit', 'hk_stock')"
FUND = "('fund_equity', 'fund_bond', 'private', 'pension')"
MONEY_FUND = "('fund_money')"
HOURS = {
    "night": (0, 360),
    "morning": (360, 570),
    "midday": (570, 780),
    "afternoon": (780, 1020),
    "evening": (1020, 1440),
}
PAGES = {"search": "search_count", "product": "product_view_count", "closing": "closing_page_count"}


def _group(name: str) -> str:
    listed = {"stock": STOCK, "fund": FUND, "money_fund": MONEY_FUND}
    if name in listed:
        return f"coalesce(product_line IN {listed[name]}, false)"
    return "NOT (" + " OR ".join(_group(group) for group in listed) + ")"


Part = tuple[str, str, str, str, str]
"""One term of a measure: table, day column, measure, value, condition."""


def _trading_parts() -> list[Part]:
    trade = "NOT is_busted AND is_customer_initiated"
    parts: list[Part] = [
        ("execution", "trade_date", "trade_count", "1", trade),
        ("execution", "trade_date", "system_trade_count", "1", "NOT is_busted AND NOT is_customer_initiated"),
        ("execution", "trade_date", "trade_amount", "amount", trade),
        ("execution", "trade_date", "commission_amount", "commission", "NOT is_busted"),
        ("execution", "trade_date", "net_revenue_amount", "net_revenue_amount", "NOT is_busted"),
        ("execution", "trade_date", "money_fund_redeem_amount", "amount",
         f"{trade} AND business_kind = 'redeem' AND {_group('money_fund')}"),
        ("order_", "order_date", "filled_order_count", "1",
         "entry_channel <> 'system' AND status IN ('filled', 'partially_filled', 'confirmed')"),
        ("order_", "order_date", "cancelled_order_count", "1", "status = 'cancelled'"),
    ]  # fmt: skip
    for group in ("stock", "fund", "money_fund", "other"):
        parts.append(("execution", "trade_date", f"{group}_trade_amount", "amount", f"{trade} AND {_group(group)}"))
        parts.append(("position_", "position_date", f"{group}_value_amount", "market_value", _group(group)))
    return parts


def _money_parts() -> list[Part]:
    flows = {
        "bank_in_amount": ("amount", "kind = 'bank_in'"),
        "bank_out_amount": ("-amount", "kind = 'bank_out'"),
        "bank_out_count": ("1", "kind = 'bank_out'"),
        "dividend_amount": ("amount", "kind IN ('dividend', 'dividend_tax')"),
        "financing_interest_amount": ("-amount", "kind = 'financing_interest'"),
        "advisory_fee_amount": ("-amount", "kind = 'advisory_fee'"),
        "net_inflow_amount": ("amount", "kind IN ('bank_in', 'bank_out')"),
    }
    return [
        *[("flow", "flow_date", name, value, where) for name, (value, where) in flows.items()],
        ("movement", "occurred_on", "net_inflow_amount", "value", "true"),
        ("movement", "occurred_on", "custody_out_amount", "-value", "kind = 'custody_out' AND value < 0"),
        ("balance", "balance_date", "net_assets_amount", "net_assets_amount", "true"),
        ("balance", "balance_date", "cash_amount", "cash + in_transit + receivable", "true"),
        ("balance", "balance_date", "debt_amount",
         "financing_principal + interest_and_fees_owed + short_market_value", "true"),
        ("balance", "balance_date", "profit_amount", "profit_amount", "true"),
    ]  # fmt: skip


def _behaviour_parts() -> list[Part]:
    parts: list[Part] = [
        ("login", "login_date", "login_count", "1", "true"),
        ("contact", "contact_date", "contact_count", "1", "true"),
        ("contact", "contact_date", "complaint_count", "1", "kind = 'complaint'"),
        ("contact", "contact_date", "closing_question_count", "1", "topic = 'close_account'"),
        ("event", "event_date", "event_count", "1", "true"),
    ]
    parts += [("event", "event_date", name, "1", f"page_kind = '{kind}'") for kind, name in PAGES.items()]
    minute = "(CAST(floor(epoch(occurred_at) / 60) AS BIGINT) + 480) % 1440"
    for band, (low, high) in HOURS.items():
        parts.append(("event", "event_date", f"{band}_event_count", "1", f"{minute} >= {low} AND {minute} < {high}"))
    return parts


def measure_cte() -> str:
    """CTE measure: one_id, day, measure, v: what each fact adds, in the words of the windows' contract."""
    selects = [
        f"SELECT one_id, {day} AS day, '{name}' AS measure, CAST({value} AS DECIMAL(38,4)) AS v "
        f"FROM {table} WHERE {where}"
        for table, day, name, value, where in [*_trading_parts(), *_money_parts(), *_behaviour_parts()]
    ]
    return "measure AS (\n  " + "\n  UNION ALL ".join(selects) + "\n)"
