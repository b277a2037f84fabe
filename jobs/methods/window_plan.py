"""Which measures of a party's days are summed over which windows, in trading days unless the name says otherwise."""

from __future__ import annotations

from jobs.methods.day_series import Wanted

WINDOWS: dict[str, tuple[int, ...]] = {
    "trade_count": (5, 20, 60, 120, 250),
    "system_trade_count": (60, 250),
    "buy_count": (20, 60, 250),
    "sell_count": (20, 60, 250),
    "buy_amount": (20, 60, 250),
    "sell_amount": (20, 60, 250),
    "subscribe_amount": (20, 60, 250),
    "redeem_amount": (20, 60, 250),
    "money_fund_redeem_amount": (5, 20, 60),
    "stock_trade_amount": (60, 250),
    "fund_trade_amount": (60, 250),
    "money_fund_trade_amount": (60, 250),
    "other_trade_amount": (60, 250),
    "trade_amount": (20, 60, 120, 250),
    "commission_amount": (20, 60, 120, 250),
    "net_revenue_amount": (5, 20, 60, 120, 250),
    "financing_interest_amount": (60, 250),
    "advisory_fee_amount": (60, 250),
    "bank_in_amount": (5, 20, 60, 120, 250),
    "bank_out_amount": (5, 20, 60, 120, 250),
    "bank_in_count": (20, 60, 250),
    "bank_out_count": (20, 60, 250),
    "securities_in_amount": (20, 60, 250),
    "securities_out_amount": (5, 20, 60, 250),
    "custody_out_amount": (20, 60, 250),
    "net_inflow_amount": (5, 20, 60, 120, 250),
    "profit_amount": (5, 20, 60, 120, 250),
    "dividend_amount": (250,),
    "order_count": (20, 60, 250),
    "filled_order_count": (60, 250),
    "cancelled_order_count": (60,),
    "app_order_count": (60,),
    "login_count": (5, 20, 60, 120, 250),
    "own_app_login_count": (20, 60),
    "visit_count": (5, 20, 60, 120),
    "event_count": (5, 20, 60),
    "duration_ms": (5, 20, 60),
    "search_count": (20, 60),
    "product_view_count": (20, 60),
    "watchlist_count": (20, 60),
    "banner_click_count": (20, 60),
    "order_page_count": (20, 60),
    "transfer_page_count": (20, 60),
    "closing_page_count": (20, 60),
    "service_page_count": (20, 60),
    "community_count": (20, 60),
    "contact_count": (20, 60, 120, 250),
    "complaint_count": (20, 60, 250),
    "closing_question_count": (20, 60),
    "night_event_count": (60,),
    "morning_event_count": (60,),
    "midday_event_count": (60,),
    "afternoon_event_count": (60,),
    "evening_event_count": (60,),
}
"""Sums: <measure>_<n>td for each n."""

LEVELS = (
    "net_assets_amount",
    "cash_amount",
    "debt_amount",
    "stock_value_amount",
    "fund_value_amount",
    "money_fund_value_amount",
    "other_value_amount",
)
"""Measures whose value on the as-of date is wanted."""

AVERAGE_WINDOWS = (5, 20, 60, 120, 250)
MONTH_END_WINDOWS = (3, 6)
"""Month ends whose best average is wanted; with the running month they fit into 250 trading days."""
MONTH_ENDS = max(MONTH_END_WINDOWS)
LEVEL_AGO = (20, 60, 120)

SLOPES: dict[str, tuple[int, ...]] = {
    "net_assets_amount": (20, 60, 120, 250),
    "net_revenue_amount": (60, 250),
    "trade_count": (20, 60, 120),
    "login_count": (20, 60),
    "duration_ms": (20, 60),
}
SLOPE_NAMES = {
    "net_assets_amount": "net_assets",
    "net_revenue_amount": "net_revenue",
    "trade_count": "trade_count",
    "login_count": "login_count",
    "duration_ms": "duration",
}

NATURAL_DAY_COUNTS = (
    "login_count",
    "contact_count",
    "complaint_count",
    "visit_count",
    "event_count",
    "closing_page_count",
    "closing_question_count",
)
"""Counts over natural days: <measure>_30d."""

RECENCY = {
    "trade": "trade_count",
    "login": "login_count",
    "visit": "visit_count",
    "contact": "contact_count",
    "bank_in": "bank_in_count",
    "bank_out": "bank_out_count",
}
"""trading_days_since_last_<name> by the measure that marks a day."""

GROSS_ASSETS = {
    "cash_ratio": "cash_amount",
    "stock_ratio": "stock_value_amount",
    "fund_ratio": "fund_value_amount",
    "money_fund_ratio": "money_fund_value_amount",
    "other_ratio": "other_value_amount",
}
TRADE_GROUPS = ("stock_trade_amount", "fund_trade_amount", "money_fund_trade_amount", "other_trade_amount")
HOUR_BANDS = (
    "night_event_count",
    "morning_event_count",
    "midday_event_count",
    "afternoon_event_count",
    "evening_event_count",
)
MEASURES = tuple(dict.fromkeys((*WINDOWS, *LEVELS, *SLOPES, *NATURAL_DAY_COUNTS)))
MONEY = tuple(name for name in MEASURES if name.endswith("_amount"))
INFLOW = ("bank_in_amount", "securities_in_amount", "bank_out_amount", "securities_out_amount")
"""What came in, what went out: net_inflow_amount, which is no column of silver.party_days."""
LAST_DAY = 250
MEAN_DAYS = 20
WEEK = 5
OUTFLOW_DAYS = 20
WEEKS = {f"_inflow_{start}": start for start in range(0, OUTFLOW_DAYS, WEEK)}
"""Net inflow of a week, by the trading days back to its last day."""
_LEVEL = "net_assets_amount"
_REDEEMED = "money_fund_redeem_amount"
_BEHAVIOUR = tuple(WINDOWS)[tuple(WINDOWS).index("login_count") :]
_HELD = ("profit_amount", *LEVELS)
FAMILIES = {
    "_levels": _HELD,
    "_money": tuple(name for name in MEASURES if name not in (*_HELD, *_BEHAVIOUR)),
    "_behaviour": _BEHAVIOUR,
}
"""Measures told together: nearly every day of a customer has the first, few have the others."""
DAYS = Wanted(
    window_days=LAST_DAY,
    mean_days=MEAN_DAYS,
    month_count=MONTH_ENDS + 1,
    level=_LEVEL,
    families=FAMILIES,
    sums={
        **{f"{name}_{n}td": (name, 0, n) for name, lengths in WINDOWS.items() for n in lengths},
        **{f"_{_LEVEL}_sum_{n}td": (_LEVEL, 0, n) for n in AVERAGE_WINDOWS},
        **{f"_{name}_sum_{n}td": (name, 0, n) for name, lengths in SLOPES.items() for n in lengths},
        **{name: ("net_inflow_amount", start, start + WEEK) for name, start in WEEKS.items()},
    },
    back_sums={f"_{name}_by_back_{n}td": (name, 0, n) for name, lengths in SLOPES.items() for n in lengths},
    ago={**{f"{_LEVEL}_{n}td_ago": (_LEVEL, n) for n in LEVEL_AGO}, **{name: (name, 0) for name in LEVELS}},
    days_with={
        **{f"trading_days_with_trades_{n}td": ("trade_count", n) for n in AVERAGE_WINDOWS},
        **{f"trading_days_with_logins_{n}td": ("login_count", n) for n in (20, 60)},
        "trading_days_with_money_fund_redemptions_20td": (_REDEEMED, 20),
    },
    days_since={f"trading_days_since_last_{name}": measure for name, measure in RECENCY.items()},
    streaks={"money_fund_redemption_streak_days": _REDEEMED},
    natural_sums={f"{name}_30d": (name, 30) for name in NATURAL_DAY_COUNTS},
    natural_days={"active_days_30d": (("login_count", "event_count"), 30)},
    amounts=frozenset(
        {
            *[f"{name}_{n}td" for name, lengths in WINDOWS.items() if name in MONEY for n in lengths],
            *[f"{_LEVEL}_{n}td_ago" for n in LEVEL_AGO],
            *LEVELS,
        }
    ),
)
"""What is made of a person's days."""
