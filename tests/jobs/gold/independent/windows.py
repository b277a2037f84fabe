"""Columns of customer_windows told from the facts of `facts.py`, and the WITH clause of all queries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from tests.jobs.gold.independent.facts import day_ctes, fact_ctes, milestones_cte, people_ctes
from tests.jobs.gold.independent.measures import HOURS, measure_cte

GROSS = ("cash_amount", "stock_value_amount", "fund_value_amount", "money_fund_value_amount", "other_value_amount")
SLOPES = {"net_assets": "net_assets_amount", "trade_count": "trade_count", "login_count": "login_count"}
RECENCY = {"trade": "trade_count", "login": "login_count", "contact": "contact_count"}


def half_up(total: str, days: str) -> str:
    """`total` / `days` to four places, halves away from zero, in whole numbers."""
    units = f"CAST(({total}) * 10000 AS HUGEINT)"
    rounded = f"(2 * abs({units}) + {days}) // (2 * {days})"
    return f"CAST(sign({total}) * {rounded} AS DECIMAL(38,0)) * CAST(0.0001 AS DECIMAL(5,4))"


def entropy(parts: Sequence[str]) -> str:
    """Shannon entropy (nats) of parts; null when they sum to nothing."""
    positive = [f"greatest(CAST({part} AS DOUBLE), 0)" for part in parts]
    total = "(" + " + ".join(positive) + ")"
    terms = [f"CASE WHEN {p} > 0 THEN -({p} / {total}) * ln({p} / {total}) ELSE 0 END" for p in positive]
    return f"CASE WHEN {total} > 0 THEN {' + '.join(terms)} END"


def window_sum(measure: str, where: str) -> str:
    """Sum of a measure over daily or dated rows; counts as BIGINT."""
    total = f"coalesce(sum(v) FILTER (WHERE measure = '{measure}' AND {where}), 0)"
    return f"CAST({total} AS {'BIGINT' if measure.endswith('_count') else 'DECIMAL(18,4)'})"


def _special(name: str) -> str | None:
    """Expression of a column that is no plain sum, over the CTE `summed`."""
    average = re.fullmatch(r"average_net_assets_amount_(\d+)td", name)
    if average:
        total = window_sum("net_assets_amount", f"back < {average[1]}").replace("DECIMAL(18,4)", "DECIMAL(38,4)")
        return f"CASE WHEN any_value(days) > 0 THEN {half_up(total, average[1])} END"
    slope = re.fullmatch(r"(net_assets|trade_count|login_count)_slope_(\d+)td", name)
    if slope:
        measure, n = SLOPES[slope[1]], int(slope[2])
        inside = f"measure = '{measure}' AND back < {n}"
        plain = f"coalesce(sum(v) FILTER (WHERE {inside}), 0)"
        weighted = f"coalesce(sum(v * back) FILTER (WHERE {inside}), 0)"
        value = f"CAST({plain} * {n * (n - 1) // 2} - {weighted} * {n} AS DOUBLE) / {n * n * (n * n - 1) // 12}"
        return f"CASE WHEN any_value(days) >= {n} THEN {value} END"
    since = re.fullmatch(r"trading_days_since_last_(\w+)", name)
    if since:
        return f"CAST(min(back) FILTER (WHERE measure = '{RECENCY[since[1]]}' AND v > 0) AS BIGINT)"
    with_trades = re.fullmatch(r"trading_days_with_trades_(\d+)td", name)
    if with_trades:
        return f"count(*) FILTER (WHERE measure = 'trade_count' AND v > 0 AND back < {with_trades[1]})"
    groups = re.fullmatch(r"product_group_entropy_(\d+)td", name)
    if groups:
        where = f"back < {groups[1]}"
        return entropy([window_sum(f"{g}_trade_amount", where) for g in ("stock", "fund", "money_fund", "other")])
    return _of_assets(name)


def _of_assets(name: str) -> str | None:
    levels = [window_sum(part, "back = 0") for part in GROSS]
    gross = "(" + " + ".join(levels) + ")"
    if name in ("cash_ratio", "money_fund_ratio"):
        part = levels[0] if name == "cash_ratio" else levels[3]
        return f"CASE WHEN {gross} > 0 THEN CAST({part} AS DOUBLE) / CAST({gross} AS DOUBLE) END"
    in_20, in_60 = "back < 20", "back < 60"
    total_20 = window_sum("net_assets_amount", in_20).replace("DECIMAL(18,4)", "DECIMAL(38,4)")
    peak = half_up("coalesce(any_value(rolling), CAST(0 AS DECIMAL(38,4)))", "20")
    month = half_up("coalesce(any_value(month_sum), CAST(0 AS DECIMAL(38,4)))", "(SELECT days FROM month)")
    month = f"CASE WHEN any_value(days) > 0 THEN {month} END"
    return {
        "history_trading_days": "CAST(coalesce(any_value(days), 0) AS INTEGER)",
        "asset_entropy": entropy(levels),
        "hour_entropy_60td": entropy([window_sum(f"{band}_event_count", in_60) for band in HOURS]),
        "max_drawdown_ratio_250td": "any_value(drawdown)",
        "peak_average_net_assets_amount_250td": f"CASE WHEN any_value(days) > 0 THEN {peak} END",
        "month_average_net_assets_amount": month,
        "best_month_average_net_assets_amount_3m": f"greatest({month}, any_value(best_3m))",
        "best_month_average_net_assets_amount_6m": f"greatest({month}, any_value(best_6m))",
        "history_month_ends": "CAST(coalesce(any_value(month_ends), 0) AS INTEGER)",
        "money_fund_redemption_streak_days": "coalesce(any_value(streak_days), 0)",
        "outflow_weeks_20td": "coalesce(any_value(outflows), 0)",
        "is_effective": f"{total_20} >= 100000 OR {window_sum('commission_amount', in_60)} > 0",
    }.get(name)


def window_column(name: str) -> str:
    """Expression of a column of customer_windows over the rows of `gathered`; raises ValueError for an unknown one."""
    special = _special(name)
    if special:
        return special
    trading = re.fullmatch(r"(\w+?)_(\d+)td", name)
    if trading:
        return window_sum(trading[1], f"back < {trading[2]}")
    if name in (*GROSS, "net_assets_amount", "debt_amount"):
        return window_sum(name, "back = 0")
    raise ValueError(name)


def windows_cte(as_of: date, columns: Sequence[str]) -> str:
    """CTE windows: one row per person of the identity map with the named columns."""
    natural = [name for name in columns if name.endswith("_30d")]
    plain = [name for name in columns if name not in natural]
    counted = [f"CAST(coalesce(any_value({name}), 0) AS BIGINT) AS {name}" for name in natural]
    recent = [f"count(*) FILTER (WHERE measure = '{name.removesuffix('_30d')}') AS {name}" for name in natural]
    recent_names = "".join(f", {expression}" for expression in recent)
    return f"""
recent AS (
  SELECT one_id{recent_names} FROM measure
  WHERE day > DATE '{as_of}' - 30 AND day <= DATE '{as_of}' GROUP BY one_id
),
month_level AS (
  SELECT one_id, sum(v) AS month_sum FROM dated WHERE measure = 'net_assets_amount'
    AND day >= date_trunc('month', DATE '{as_of}') GROUP BY one_id
),
ended AS (
  SELECT h.one_id, e.place, {half_up("coalesce(sum(v), CAST(0 AS DECIMAL(38,4)))", "e.days")} AS average
  FROM history h JOIN month_end e ON e.place <= 6 AND h.days > e.back
  LEFT JOIN measure m ON m.one_id = h.one_id AND m.measure = 'net_assets_amount'
    AND date_trunc('month', m.day) = e.month
  GROUP BY h.one_id, e.place, e.days
),
best_end AS (
  SELECT one_id, count(*) AS month_ends, max(average) AS best_6m, max(average) FILTER (WHERE place <= 3) AS best_3m
  FROM ended GROUP BY one_id
),
gathered AS (
  SELECT p.one_id, d.back, d.measure, d.v, h.days, k.rolling, k.drawdown, s.days AS streak_days, w.outflows,
    l.month_sum, b.month_ends, b.best_3m, b.best_6m,
    r.* EXCLUDE (one_id)
  FROM (SELECT DISTINCT one_id FROM customer_owner) p
  LEFT JOIN daily d USING (one_id) LEFT JOIN history h USING (one_id) LEFT JOIN peak k USING (one_id)
  LEFT JOIN streak s USING (one_id) LEFT JOIN week w USING (one_id) LEFT JOIN month_level l USING (one_id)
  LEFT JOIN best_end b USING (one_id)
  LEFT JOIN recent r USING (one_id)
),
windows AS (
  SELECT one_id, {", ".join([*[f"{window_column(n)} AS {n}" for n in plain], *counted])} FROM gathered GROUP BY one_id
)"""


def all_ctes(as_of: date, window_columns: Sequence[str]) -> str:
    """WITH clause of facts, windows and milestones."""
    parts = [
        people_ctes(as_of),
        fact_ctes(as_of),
        measure_cte(),
        day_ctes(as_of),
        windows_cte(as_of, window_columns),
        milestones_cte(as_of),
    ]
    return "WITH " + ",\n".join(part.strip() for part in parts)
