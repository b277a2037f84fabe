"""One independent DuckDB query per gold table with as-of dates, over views `silver_<table>`."""

from __future__ import annotations

from datetime import date

from jobs.gold.churn_features import FROM_WINDOWS
from jobs.gold.clv_features import RUN_RATE
from tests.jobs.gold.independent.facts import people_ctes, state_as_of, version_known
from tests.jobs.gold.independent.windows import all_ctes

LABEL_DAYS = 60
LIFETIME = "lifetime_trading_days_with_trades, lifetime_trade_count, lifetime_net_revenue_amount"
TIER = """CASE WHEN {0} >= 6000000 THEN 'from_6m' WHEN {0} >= 1000000 THEN '1m_6m' WHEN {0} >= 500000 THEN '500k_1m'
  WHEN {0} >= 100000 THEN '100k_500k' WHEN {0} >= 10000 THEN '10k_100k' ELSE 'below_10k' END"""
BEST = "best_month_average_net_assets_amount_{0}m"
YEARS = "CAST(CASE WHEN {0} IS NOT NULL THEN date_diff('month', {0}, {1}) - (CASE WHEN day({1}) < day({0}) AND NOT (" \
    "{1} = last_day({1}) AND {0} = last_day({0})) THEN 1 ELSE 0 END) END // 12 AS INTEGER)"  # fmt: skip
OPEN = "(status <> 'closed' AND (closed_on IS NULL OR closed_on > DATE '{0}'))"


def years_between(earlier: str, later: str) -> str:
    """Whole years from one date to another; two month ends are whole months apart."""
    return YEARS.format(earlier, later)


def rfm(as_of: date) -> str:
    """gold.rfm of the date."""
    names = ("trading_days_since_last_trade", "trading_days_with_trades_250td", "net_revenue_amount_250td")

    def score(order: str) -> str:
        rank = f"rank() OVER (PARTITION BY active ORDER BY {order})"
        return f"CAST(({rank} - 1) * 5 // count(*) OVER (PARTITION BY active) + 1 AS INTEGER)"

    return f"""{all_ctes(as_of, names)},
base AS (
  SELECT one_id, trading_days_since_last_trade AS recency_trading_days,
    trading_days_with_trades_250td AS frequency_trading_days, net_revenue_amount_250td AS monetary_amount,
    trading_days_with_trades_250td > 0 AS active FROM people JOIN windows USING (one_id)
),
scored AS (
  SELECT *, CASE WHEN active THEN {score("recency_trading_days DESC")} END AS r,
    CASE WHEN active THEN {score("frequency_trading_days")} END AS f,
    CASE WHEN active THEN {score("monetary_amount")} END AS m FROM base
)
SELECT one_id, recency_trading_days, frequency_trading_days, monetary_amount, r AS recency_score, f AS frequency_score,
  m AS monetary_score, r::VARCHAR || f::VARCHAR || m::VARCHAR AS rfm_cell,
  CASE WHEN NOT active THEN 'inactive' WHEN r >= 4 AND f >= 4 AND m >= 4 THEN 'champion'
    WHEN r >= 4 AND f >= 4 THEN 'loyal'
    WHEN r >= 4 AND m >= 4 THEN 'promising_big' WHEN r >= 4 THEN 'new' WHEN f >= 4 AND m >= 4 THEN 'at_risk_big'
    WHEN f >= 4 THEN 'at_risk' WHEN m >= 4 THEN 'lost_big' ELSE 'lost' END AS rfm_class,
  '1' AS definition_version, DATE '{as_of}' AS as_of_date FROM scored"""


def clv_features(as_of: date) -> str:
    """gold.clv_features of the date."""
    mean = """CAST(sign(lifetime_net_revenue_amount) * (2 * abs(CAST(lifetime_net_revenue_amount * 10000 AS HUGEINT))
      + lifetime_trading_days_with_trades) // (2 * lifetime_trading_days_with_trades) AS DECIMAL(38,0)) * 0.0001"""
    return f"""{all_ctes(as_of, RUN_RATE)}
SELECT one_id, opened_on IS NOT NULL AND closed_on IS NULL AS has_open_account, opened_on, closed_on, first_trade_on,
  last_trade_on, {LIFETIME},
  CASE WHEN first_trade_on IS NOT NULL THEN lifetime_trading_days_with_trades - 1 END AS frequency,
  b.n - a.n AS recency_trading_days, (SELECT n FROM now) - a.n AS age_trading_days,
  CASE WHEN first_trade_on IS NOT NULL THEN {mean} END AS net_revenue_per_trade_day_amount,
  {", ".join(RUN_RATE)}, DATE '{as_of}' AS as_of_date
FROM people LEFT JOIN milestones USING (one_id) LEFT JOIN windows USING (one_id)
LEFT JOIN day a ON a.natural_date = first_trade_on LEFT JOIN day b ON b.natural_date = last_trade_on"""


def _market_cte(as_of: date) -> str:
    known = version_known("quotes", "product_id, quote_date", "quote_date", as_of)
    return f"""
quote_ AS (
  SELECT CAST(close AS DOUBLE) AS close, row_number() OVER (ORDER BY quote_date DESC) - 1 AS ago
  FROM ({known}) JOIN day d ON d.natural_date = quote_date
  WHERE product_id = '000300.IDX' AND d.n > (SELECT n FROM now) - 250
),
market AS (
  SELECT max(close) FILTER (WHERE ago = 0) / max(close) FILTER (WHERE ago = 20) - 1 AS market_return_20td,
    max(close) FILTER (WHERE ago = 0) / max(close) FILTER (WHERE ago = 60) - 1 AS market_return_60td FROM quote_
)"""


def churn_features(as_of: date) -> str:
    """gold.churn_features of the date."""

    def ratio(amount: str, average: str) -> str:
        return f"CASE WHEN {average} >= 1000 THEN CAST({amount} AS DOUBLE) / CAST({average} AS DOUBLE) END"

    derived = []
    for span in (20, 60):
        average = f"average_net_assets_amount_{span}td"
        profit = ratio(f"profit_amount_{span}td", average)
        derived += [
            f"{ratio(f'net_inflow_amount_{span}td', average)} AS net_inflow_ratio_{span}td",
            f"{profit} AS profit_ratio_{span}td",
            f"{profit} - market_return_{span}td AS excess_profit_ratio_{span}td",
            f"market_return_{span}td",
        ]
    peak = ratio("average_net_assets_amount_60td", "peak_average_net_assets_amount_250td")
    derived.append(f"{peak} AS peak_ratio_250td")
    level = ratio("net_assets_amount", "average_net_assets_amount_60td")
    derived.append(f"{level} AS net_assets_to_average_ratio_60td")
    for name in ("trade_count", "login_count", "event_count"):
        share = f"CASE WHEN {name}_60td <> 0 THEN CAST({name}_20td AS DOUBLE) / {name}_60td END"
        derived.append(f"{share} AS {name}_share_20td_of_60td")
    return f"""{all_ctes(as_of, FROM_WINDOWS)}, {_market_cte(as_of)}
SELECT one_id, opened_on IS NOT NULL AND closed_on IS NULL AS has_open_account,
  CAST(DATE '{as_of}' - opened_on AS INTEGER) AS days_since_opened,
  CAST(DATE '{as_of}' - risk_assessed_on AS INTEGER) AS risk_test_age_days, other_broker_accounts,
  {", ".join(FROM_WINDOWS)}, {", ".join(derived)}, '1' AS definition_version, DATE '{as_of}' AS as_of_date
FROM people LEFT JOIN milestones USING (one_id) LEFT JOIN windows USING (one_id) CROSS JOIN market"""


def churn_labels(as_of: date, known_on: date) -> str:
    """gold.churn_labels told on `known_on` for `as_of`, which lies 60 trading days before it."""

    def ahead(table: str, key: str, effective: str) -> str:
        return version_known(table, key, effective, known_on) + f" AND {effective} > DATE '{as_of}'"

    return f"""WITH {people_ctes(as_of)},
open_before AS (
  SELECT one_id, account_id FROM account JOIN customer_owner USING (customer_no) WHERE {OPEN.format(as_of)}
),
change_ahead AS (
  SELECT *, (status = 'closed' OR is_deleted OR coalesce(closed_on <= DATE '{known_on}', false)) AS gone FROM (
    SELECT a.*, o.one_id, row_number() OVER (PARTITION BY account_id
      ORDER BY effective_date DESC, change_sequence DESC, _business_date DESC, _sequence DESC) AS place
    FROM silver_account_changes a JOIN customer_owner o USING (customer_no)
    WHERE _delivered_on <= DATE '{known_on}' AND effective_date > DATE '{as_of}' AND effective_date <= DATE '{known_on}'
  ) WHERE place = 1
),
closing AS (
  SELECT b.one_id, count(*) AS open_account_count, bool_and(coalesce(c.gone, false))
      AND NOT EXISTS (SELECT 1 FROM change_ahead n WHERE n.one_id = b.one_id AND NOT n.gone) AS all_gone,
    max(c.effective_date) AS gone_on
  FROM open_before b LEFT JOIN change_ahead c ON c.account_id = b.account_id GROUP BY b.one_id
),
out AS (
  SELECT one_id, min(occurred_on) AS first_out
  FROM ({ahead("security_movements", "movement_id", "occurred_on")}) JOIN customer_owner USING (customer_no)
  WHERE kind = 'custody_out' GROUP BY one_id
),
remaining AS (
  SELECT one_id, balance_date, sum(net_assets_amount) AS left_over
  FROM ({ahead("balances", "account_id, currency, balance_date", "balance_date")})
  JOIN customer_owner USING (customer_no)
  GROUP BY ALL
),
moved AS (
  SELECT one_id, min(balance_date) AS moved_out_on FROM remaining JOIN out USING (one_id)
  WHERE balance_date >= first_out AND left_over < 1000 GROUP BY one_id
),
labelled AS (
  SELECT one_id, open_account_count, CASE WHEN all_gone THEN gone_on END AS accounts_closed_on, moved_out_on
  FROM people JOIN closing USING (one_id) LEFT JOIN moved USING (one_id)
)
SELECT one_id, DATE '{as_of}' AS as_of_date, {LABEL_DAYS} AS label_window_trading_days, open_account_count,
  least(accounts_closed_on, moved_out_on) IS NOT NULL AS is_churned,
  least(accounts_closed_on, moved_out_on) AS churned_on,
  CASE WHEN accounts_closed_on IS NOT NULL AND accounts_closed_on <= coalesce(moved_out_on, accounts_closed_on)
    THEN 'accounts_closed' WHEN moved_out_on IS NOT NULL THEN 'custody_out' END AS churn_kind,
  accounts_closed_on, moved_out_on, '1' AS definition_version, DATE '{known_on}' AS known_on FROM labelled"""


def customer_360(as_of: date, columns: list[str]) -> str:
    """gold.customer_360 of the date without `tags`; `columns` are the contract's, the windows' ones are told by name.

    The tags column has a query of its own (tag_values).
    """
    return customer_360_over(all_ctes(as_of, windows_of_360(columns)), as_of, columns)


def windows_of_360(columns: list[str]) -> list[str]:
    """Columns of customer_windows that are needed for the given ones of customer_360."""
    return [name for name in columns if _is_window(name)]


def customer_360_over(ctes: str, as_of: date, columns: list[str]) -> str:
    """The same over a WITH clause that has people, account, customer_owner, milestones and windows."""
    book = state_as_of("adviser_book_changes", "adviser_id, customer_no, role", as_of)
    advisers = state_as_of("adviser_changes", "adviser_id", as_of)
    branches = state_as_of("branch_changes", "branch_id", as_of)
    open_ = OPEN.format(as_of)
    kinds = ", ".join(
        f"count(*) FILTER (WHERE {open_} AND account_kind = '{kind}') AS open_{kind}_account_count"
        for kind in ("cash", "margin", "fund", "option")
    )
    judged = _judged_columns(as_of)
    picked = [f"{judged[name]} AS {name}" if name in judged else name for name in columns if name != "tags"]
    return f"""{ctes},
account_sum AS (
  SELECT one_id, count(*) AS account_count, count(*) FILTER (WHERE {open_}) AS open_account_count, {kinds},
    min(opened_on) AS first_account_opened_on, max(closed_on) FILTER (WHERE NOT {open_}) AS last_account_closed_on
  FROM account JOIN customer_owner USING (customer_no) GROUP BY one_id
),
service AS (
  SELECT customer_no, adviser_id, from_date AS adviser_since FROM (
    SELECT *, row_number() OVER (PARTITION BY customer_no ORDER BY from_date DESC, adviser_id) AS place FROM ({book})
    WHERE role = 'service' AND from_date <= DATE '{as_of}' AND coalesce(to_date, DATE '{as_of}') >= DATE '{as_of}'
  ) WHERE place = 1
),
adviser AS (SELECT adviser_id, name_masked AS adviser_name_masked FROM ({advisers})),
branch AS (SELECT branch_id, name AS branch_name, region AS branch_region FROM ({branches}))
SELECT {", ".join(picked)} FROM people p LEFT JOIN account_sum USING (one_id) LEFT JOIN milestones m USING (one_id)
LEFT JOIN windows USING (one_id) LEFT JOIN service s ON s.customer_no = p.customer_no
LEFT JOIN adviser v ON v.adviser_id = s.adviser_id LEFT JOIN branch b ON b.branch_id = p.branch_id"""


def _judged_columns(as_of: date) -> dict[str, str]:
    """The columns of gold.customer_360 that are reckoned, by name."""
    counts = ["account_count", "open_account_count"]
    counts += [f"open_{kind}_account_count" for kind in ("cash", "margin", "fund", "option")]
    return {
        "as_of_date": f"DATE '{as_of}'",
        "definition_version": "'2'",
        "age_years": years_between("birth_date", f"DATE '{as_of}'"),
        "risk_test_age_days": f"CAST(DATE '{as_of}' - risk_assessed_on AS INTEGER)",
        "is_risk_test_valid": f"coalesce(risk_assessed_on + INTERVAL 24 MONTH >= DATE '{as_of}', false)",
        "professional_check": f"""CASE WHEN investor_class = 'professional' THEN CASE WHEN net_assets_amount >= 5000000
            AND first_trade_on + INTERVAL 24 MONTH <= DATE '{as_of}' THEN 'consistent' ELSE 'unknown' END END""",
        "customer_status": """CASE WHEN account_count IS NULL THEN 'registered' WHEN open_account_count > 0 THEN 'open'
            ELSE 'closed' END""",
        "tier_by_average": TIER.format("month_average_net_assets_amount"),
        "tier": TIER.format(BEST.format(6)),
        "is_tier_watched": f"{TIER.format(BEST.format(3))} <> {TIER.format(BEST.format(6))}",
        "history_month_ends": "coalesce(history_month_ends, 0)",
        "is_effective": "coalesce(is_effective, false)",
        "is_high_net_worth": "coalesce(net_assets_amount >= 500000 AND filled_order_count_250td >= 10, false)",
        "days_since_registered": f"CAST(DATE '{as_of}' - registered_on AS INTEGER)",
        "days_from_opening_to_first_trade": "CAST(first_trade_on - first_account_opened_on AS INTEGER)",
        **{name: f"coalesce({name}, 0)" for name in counts},
        "customer_no": "p.customer_no",
        "branch_id": "p.branch_id",
        "adviser_id": "s.adviser_id",
    }


def _is_window(name: str) -> bool:
    levels = ("net_assets_amount", "cash_amount", "debt_amount", "stock_value_amount", "fund_value_amount")
    others = ("money_fund_value_amount", "other_value_amount", "month_average_net_assets_amount", "cash_ratio")
    more = (
        "asset_entropy",
        "history_trading_days",
        "history_month_ends",
        BEST.format(3),
        BEST.format(6),
        "is_effective",
    )
    since = name.startswith("trading_days_since_last_")
    return since or name.endswith(("td", "_30d")) or name in (*levels, *others, *more)
