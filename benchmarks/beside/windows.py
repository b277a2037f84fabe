"""What customer_360 reads of customer_windows, in SQL over 250 days of party_days as they lie.

Wide sums with filters: one pass for the sums, one over the days with activity, one over the days with net assets.
Decimals as the lake rounds them; the columns of no other gold table are made.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from brokerlake.calendar import TradingCalendar
from tests.jobs.gold.independent.windows import entropy, half_up

DAYS = 250
RECENCY = {"trade": "trade_count", "login": "login_count", "contact": "contact_count"}
LEVELS = ("net_assets_amount", "cash_amount", "debt_amount", "stock_value_amount", "fund_value_amount",
          "money_fund_value_amount", "other_value_amount")  # fmt: skip
GROSS = ("cash_amount", "stock_value_amount", "fund_value_amount", "money_fund_value_amount", "other_value_amount")
INFLOW = "bank_in_amount + securities_in_amount - bank_out_amount - securities_out_amount"
MONTH_ENDS = 6
EFFECTIVE_SUM = 100_000  # a mean of 5,000 CNY over 20 trading days


def dated_view(calendar: TradingCalendar, night: date) -> str:
    """View `dated`: party days effective in the last 250 trading days, with one_id and `back`."""
    first = calendar.back(night, DAYS) or calendar.first
    return f"""
CREATE OR REPLACE TEMP VIEW dated AS
SELECT d.*, o.one_id, n.back FROM (
  SELECT * FROM silver_party_days WHERE effective_date > DATE '{first}' AND effective_date <= DATE '{night}'
  UNION ALL BY NAME
  SELECT * FROM party_days WHERE effective_date > DATE '{first}' AND effective_date <= DATE '{night}'
) d
JOIN owner_of_party o ON o.party_kind = d.party_kind AND o.party_id = d.party_id
JOIN back_of_day n ON n.day = d.effective_date AND n.back < {DAYS}"""


def back_table(night: date) -> str:
    """Table `back_of_day`: trading days from the night a natural date belongs to, to the as-of date."""
    number = "trading_day_number + CASE WHEN is_trading_day THEN 0 ELSE 1 END"
    return f"""
CREATE OR REPLACE TEMP TABLE back_of_day AS
SELECT natural_date AS day, CAST((SELECT trading_day_number FROM silver_calendar WHERE natural_date = DATE '{night}')
  - ({number}) AS INTEGER) AS back
FROM silver_calendar WHERE natural_date <= DATE '{night}'"""


def month_ends(calendar: TradingCalendar, night: date) -> list[tuple[date, int, int]]:
    """The last month ends by the night, latest first: first natural day of the month, its trading days, days back."""
    ends = [day for day in calendar.days if day <= night and calendar.is_month_end(day)][-MONTH_ENDS:]
    found = []
    for end in reversed(ends):
        first = end.replace(day=1)
        found.append((first, len(calendar.between(first, end)), len(calendar.between(end, night)) - 1))
    return found


def _sum(value: str, where: str, type_: str = "DECIMAL(18,4)") -> str:
    return f"CAST(coalesce(sum({value}) FILTER (WHERE {where}), 0) AS {type_})"


def _plain(name: str, night: date) -> str | None:
    """Expression of a column that is a sum over `dated`; None for any other."""
    type_ = "BIGINT" if "_count" in name else "DECIMAL(18,4)"
    if name in LEVELS:
        return _sum(name, "back = 0")
    natural = re.fullmatch(r"(\w+)_30d", name)
    if natural:
        return _sum(natural[1], f"effective_date > DATE '{night}' - 30", type_)
    trading = re.fullmatch(r"(\w+?)_(\d+)td", name)
    if trading and not name.startswith(("average_", "peak_", "trading_days_with_")):
        value = INFLOW if trading[1] == "net_inflow_amount" else trading[1]
        return _sum(value, f"back < {trading[2]}", type_)
    return None


def summed(columns: Sequence[str], calendar: TradingCalendar, night: date) -> str:
    """One row per person: every sum the columns need."""
    plain = {name: found for name in columns if (found := _plain(name, night))}
    plain |= {level: _sum(level, "back = 0") for level in LEVELS}
    wide = "DECIMAL(38,4)"
    for days in (20, 60, 250):
        plain[f"_sum_{days}"] = _sum("net_assets_amount", f"back < {days}", wide)
    month = night.replace(day=1)
    plain["_month"] = _sum("net_assets_amount", f"effective_date >= DATE '{month}'", wide)
    for at, (first, _, _) in enumerate(month_ends(calendar, night)):
        inside = f"effective_date >= DATE '{first}' AND effective_date <= last_day(DATE '{first}')"
        plain[f"_month_{at}"] = _sum("net_assets_amount", inside, wide)
    plain["_commission_60"] = _sum("commission_amount", "back < 60")
    listed = ", ".join(f"{expression} AS {name}" for name, expression in plain.items())
    return f"SELECT one_id, {listed} FROM dated GROUP BY one_id"


def active() -> str:
    """One row per person with a trade, login or contact: how many trading days, and how long ago the last."""
    measures = list(RECENCY.values())
    sums = ", ".join(f"sum({name}) AS {name}" for name in measures)
    some = " OR ".join(f"{name} <> 0" for name in measures)
    last = [
        f"CAST(min(back) FILTER (WHERE {measure} > 0) AS BIGINT) AS trading_days_since_last_{name}"
        for name, measure in RECENCY.items()
    ]
    days = [
        f"count(*) FILTER (WHERE trade_count > 0 AND back < {n}) AS trading_days_with_trades_{n}td"
        for n in (20, 60, 250)
    ]
    return f"""
SELECT one_id, {", ".join([*last, *days])} FROM (
  SELECT one_id, back, {sums} FROM dated WHERE {some} GROUP BY one_id, back
) GROUP BY one_id"""


def peak() -> str:
    """One row per person with net assets: the highest sum over 20 trading days in a row."""
    return """
SELECT one_id, max(rolling) AS rolling FROM (
  SELECT one_id, sum(v) OVER (PARTITION BY one_id ORDER BY -back RANGE BETWEEN 19 PRECEDING AND CURRENT ROW) AS rolling
  FROM (SELECT one_id, back, sum(net_assets_amount) AS v FROM dated
    WHERE party_kind = 'customer' AND net_assets_amount <> 0 GROUP BY one_id, back HAVING sum(net_assets_amount) <> 0)
) GROUP BY one_id"""


def history(night: date) -> str:
    """One row per person with an account: trading days of history, 250 at most."""
    opened = "coalesce(n.back, (SELECT max(back) FROM back_of_day))"
    lake = "(SELECT max(back) FROM dated WHERE net_assets_amount <> 0 OR trade_count <> 0)"
    return f"""
SELECT one_id, CASE WHEN lake.back IS NULL THEN 0 ELSE greatest(least({opened}, lake.back) + 1, 0) END AS days
FROM (
  SELECT o.one_id, min(a.opened_on) AS opened_on FROM account_state a
  JOIN owner_of_party o ON o.party_kind = 'customer' AND o.party_id = a.customer_no GROUP BY o.one_id
) LEFT JOIN back_of_day n ON n.day = opened_on CROSS JOIN (SELECT {lake} AS back) lake"""


def _derived(calendar: TradingCalendar, night: date) -> dict[str, str]:
    """Columns that follow from the sums, over the joined parts."""
    gross = "(" + " + ".join(GROSS) + ")"
    share = f"CASE WHEN {gross} > 0 THEN CAST(cash_amount AS DOUBLE) / CAST({gross} AS DOUBLE) END"
    so_far = len(calendar.between(night.replace(day=1), night))
    running = f"CASE WHEN days > 0 THEN {half_up('_month', str(so_far))} END"
    ended = [
        f"CASE WHEN days > {back} THEN {half_up(f'_month_{at}', str(count))} END"
        for at, (_, count, back) in enumerate(month_ends(calendar, night))
    ]
    known = " + ".join(f"CASE WHEN days > {back} THEN 1 ELSE 0 END" for _, _, back in month_ends(calendar, night))
    peak_sum = "coalesce(rolling, CAST(0 AS DECIMAL(38,4)))"
    found = {
        f"average_net_assets_amount_{n}td": f"CASE WHEN days > 0 THEN {half_up(f'_sum_{n}', str(n))} END"
        for n in (20, 60, 250)
    }
    return found | {
        "history_trading_days": "CAST(coalesce(days, 0) AS INTEGER)",
        "history_month_ends": f"CAST({known} AS INTEGER)",
        "month_average_net_assets_amount": running,
        "best_month_average_net_assets_amount_3m": f"greatest({', '.join([running, *ended[:3]])})",
        "best_month_average_net_assets_amount_6m": f"greatest({', '.join([running, *ended])})",
        "peak_average_net_assets_amount_250td": f"CASE WHEN days > 0 THEN {half_up(peak_sum, '20')} END",
        "cash_ratio": share,
        "asset_entropy": entropy(GROSS),
        "is_effective": f"coalesce(_sum_20 >= {EFFECTIVE_SUM} OR _commission_60 > 0, false)",
    }


def windows(columns: Sequence[str], calendar: TradingCalendar, night: date) -> str:
    """One row per person of the identity map with the named columns."""
    derived = _derived(calendar, night)

    def picked(name: str) -> str:
        if name in derived:
            return f"{derived[name]} AS {name}"
        return name if name.startswith("trading_days_since_") else f"coalesce({name}, 0) AS {name}"

    return f"""
WITH summed AS ({summed(columns, calendar, night)}), active AS ({active()}), peak AS ({peak()}),
history AS ({history(night)})
SELECT one_id, {", ".join(picked(name) for name in columns)}
FROM (SELECT DISTINCT one_id FROM owner_of_party WHERE party_kind = 'customer')
LEFT JOIN summed USING (one_id) LEFT JOIN active USING (one_id) LEFT JOIN peak USING (one_id)
LEFT JOIN history USING (one_id)"""
