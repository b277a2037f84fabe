"""What silver's facts and logs say by a date, as DuckDB CTEs: no customer_windows, party_days or milestones.

Views `silver_<table>` hold every version with `_delivered_on`. Written apart from the jobs, from the contracts' words.
"""

from __future__ import annotations

from datetime import date


def version_known(table: str, key: str, effective: str, by: date, order: str = "", until: date | None = None) -> str:
    """SELECT of the latest version of each key delivered by `by`, effective by `until` (`by` when not given)."""
    rank = ", ".join([*([f"{order} DESC"] if order else []), "_business_date DESC", "_sequence DESC"])
    return f"""
    SELECT * FROM (
      SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY {rank}) AS _version
      FROM silver_{table} WHERE _delivered_on <= DATE '{by}'
    ) WHERE _version = 1 AND NOT _withdrawn AND {effective} <= DATE '{until or by}'"""


def state_as_of(table: str, key: str, by: date, until: date | None = None) -> str:
    """SELECT of the latest change of each key effective by `by` and delivered by `until` or `by`; deleted keys gone."""
    return f"""
    SELECT * FROM (
      SELECT *, row_number() OVER (PARTITION BY {key}
        ORDER BY effective_date DESC, change_sequence DESC, _business_date DESC, _sequence DESC) AS _version
      FROM silver_{table} WHERE effective_date <= DATE '{by}' AND _delivered_on <= DATE '{until or by}'
    ) WHERE _version = 1 AND NOT is_deleted"""


def people_ctes(as_of: date) -> str:
    """CTEs owner (customer or device to one_id) and people (the CRM's customers, one row a person)."""
    return f"""
owner AS (
  SELECT identifier_kind, identifier, one_id FROM (
    SELECT *, row_number() OVER (PARTITION BY identifier_kind, identifier ORDER BY _delivered_on DESC) AS _version
    FROM silver_identity_map WHERE _delivered_on <= DATE '{as_of}' AND valid_from <= DATE '{as_of}'
  ) WHERE _version = 1 AND NOT is_closed
),
customer_owner AS (SELECT identifier AS customer_no, one_id FROM owner WHERE identifier_kind = 'customer'),
crm AS ({state_as_of("customer_changes", "customer_no", as_of)}),
people AS (
  SELECT * EXCLUDE (place) FROM (
    SELECT o.one_id, c.*, row_number() OVER (PARTITION BY o.one_id ORDER BY c.customer_no) AS place
    FROM crm c JOIN customer_owner o USING (customer_no)
  ) WHERE place = 1
),
account AS ({state_as_of("account_changes", "account_id", as_of)})"""


def fact_ctes(as_of: date) -> str:
    """CTEs of the latest known version of every fact by the date, with the person's one_id."""

    def owned(name: str, inner: str) -> str:
        return f"{name} AS (SELECT f.*, o.one_id FROM ({inner}) f JOIN customer_owner o USING (customer_no))"

    known = {
        "execution": version_known("executions", "execution_id", "trade_date", as_of, "revision"),
        "flow": version_known("cash_flows", "flow_id", "flow_date", as_of),
        "movement": version_known("security_movements", "movement_id", "occurred_on", as_of),
        "position_": version_known("positions", "account_id, product_id, position_date", "position_date", as_of),
        "balance": version_known("balances", "account_id, currency, balance_date", "balance_date", as_of),
        "order_": version_known("orders", "order_id", "order_date", as_of),
        "login": version_known("logins", "account_id, logged_in_at, terminal, device_id", "login_date", as_of),
        "contact": version_known("contacts", "contact_id", "contact_date", as_of),
    }
    ctes = [owned(name, inner) for name, inner in known.items()]
    ctes.append(
        f"""event AS (
  SELECT e.*, o.one_id FROM ({version_known("events", "device_id, event_id", "event_date", as_of)}) e
  JOIN owner o ON o.identifier_kind = CASE WHEN e.customer_no IS NULL THEN 'device' ELSE 'customer' END
    AND o.identifier = coalesce(e.customer_no, e.device_id)
)"""
    )
    return ",\n".join(ctes)


def day_ctes(as_of: date) -> str:
    """CTEs day (trading-day number of each natural date), now, daily (sums by trading day), history, month ends."""
    return f"{_daily_ctes(as_of)},{_shape_ctes()},{_month_ctes(as_of)}"


def _daily_ctes(as_of: date) -> str:
    """Numbers of days, sums by trading day and how far they reach back."""
    return f"""
day AS (
  SELECT natural_date, trading_day_number + CASE WHEN is_trading_day THEN 0 ELSE 1 END AS n FROM silver_calendar
),
now AS (SELECT n FROM day WHERE natural_date = DATE '{as_of}'),
dated AS (
  SELECT m.*, (SELECT n FROM now) - d.n AS back FROM measure m JOIN day d ON d.natural_date = m.day
  WHERE d.n <= (SELECT n FROM now) AND d.n > (SELECT n FROM now) - 250
),
daily AS (SELECT one_id, back, measure, sum(v) AS v FROM dated GROUP BY ALL),
lake AS (SELECT max(back) AS back FROM daily WHERE measure IN ('net_assets_amount', 'trade_count') AND v <> 0),
opened AS (
  SELECT one_id, min(opened_on) AS opened_on FROM account JOIN customer_owner USING (customer_no) GROUP BY one_id
),
history AS (
  SELECT one_id, CASE WHEN (SELECT back FROM lake) IS NULL THEN 0 ELSE
    greatest(least((SELECT n FROM now) - d.n, (SELECT back FROM lake)) + 1, 0) END AS days
  FROM opened LEFT JOIN day d ON d.natural_date = opened_on
)"""


def _shape_ctes() -> str:
    """Peak and drawdown of net assets, the streak of redemptions, weeks of outflow."""
    return """
level AS (SELECT one_id, back, v FROM daily WHERE measure = 'net_assets_amount' AND v <> 0),
curve AS (
  SELECT one_id, v,
    sum(v) OVER (PARTITION BY one_id ORDER BY -back RANGE BETWEEN 19 PRECEDING AND CURRENT ROW) AS rolling,
    max(v) OVER (PARTITION BY one_id ORDER BY -back) AS high FROM level
),
peak AS (
  SELECT one_id, max(rolling) AS rolling,
    max(CASE WHEN high > 0 THEN greatest(1 - CAST(v AS DOUBLE) / CAST(high AS DOUBLE), 0) END) AS drawdown
  FROM curve GROUP BY one_id
),
streak AS (
  SELECT one_id, count(*) FILTER (WHERE back = place) AS days FROM (
    SELECT one_id, back, row_number() OVER (PARTITION BY one_id ORDER BY back) - 1 AS place
    FROM daily WHERE measure = 'money_fund_redeem_amount' AND v > 0
  ) GROUP BY one_id
),
week AS (
  SELECT one_id, count(*) AS outflows FROM (
    SELECT one_id, back // 5 AS week, sum(v) AS v FROM daily
    WHERE measure = 'net_inflow_amount' AND back < 20 GROUP BY ALL
  ) WHERE v < 0 GROUP BY one_id
)"""


def _month_ctes(as_of: date) -> str:
    """Trading days of the running month and of those before it."""
    return f"""
month AS (
  SELECT count(*) AS days FROM silver_calendar
  WHERE is_trading_day AND natural_date BETWEEN date_trunc('month', DATE '{as_of}') AND DATE '{as_of}'
),
month_days AS (
  SELECT date_trunc('month', natural_date) AS month, count(*) FILTER (WHERE is_trading_day) AS days,
    max(natural_date) FILTER (WHERE is_trading_day) AS last_on, max(natural_date) = last_day(max(natural_date)) AS whole
  FROM silver_calendar GROUP BY ALL
),
month_end AS (
  SELECT month, m.days, (SELECT n FROM now) - d.n AS back, row_number() OVER (ORDER BY month DESC) AS place
  FROM month_days m JOIN day d ON d.natural_date = last_on WHERE whole AND last_on <= DATE '{as_of}'
)"""


def milestones_cte(as_of: date) -> str:
    """CTE milestones: one row per person, from all facts ever delivered by the date."""
    return f"""{_first_days_ctes()},{_registration_ctes(as_of)},
milestones AS (
  SELECT p.one_id, registered_on, o.opened_on, c.closed_on, funded_on, first_trade_on, second_trade_on, last_trade_on,
    first_event_on, CAST(coalesce(t.days, 0) AS BIGINT) AS lifetime_trading_days_with_trades,
    CAST(coalesce(trades, 0) AS BIGINT) AS lifetime_trade_count,
    CAST(coalesce(revenue, 0) AS DECIMAL(18,4)) AS lifetime_net_revenue_amount
  FROM people p LEFT JOIN registered USING (one_id) LEFT JOIN opening o USING (one_id)
  LEFT JOIN closing c USING (one_id)
  LEFT JOIN funded USING (one_id) LEFT JOIN trading t USING (one_id) LEFT JOIN second_trade USING (one_id)
  LEFT JOIN revenue USING (one_id) LEFT JOIN seen USING (one_id)
)"""


def _registration_ctes(as_of: date) -> str:
    """When a person registered, opened and closed accounts, by the changes delivered."""
    return f"""
change AS (SELECT * FROM silver_customer_changes WHERE _delivered_on <= DATE '{as_of}'),
account_told AS (SELECT * FROM silver_account_changes WHERE _delivered_on <= DATE '{as_of}'),
registered AS (
  SELECT one_id, min(effective_date) AS registered_on FROM change
  JOIN customer_owner USING (customer_no) GROUP BY one_id
),
opening AS (
  SELECT one_id, min(opened_on) AS opened_on FROM account_told JOIN customer_owner USING (customer_no) GROUP BY one_id
),
account_now AS (
  SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY account_id
      ORDER BY effective_date DESC, change_sequence DESC, _business_date DESC, _sequence DESC) AS place
    FROM account_told
  ) WHERE place = 1
),
closing AS (
  SELECT one_id, CASE WHEN bool_and(closed_on IS NOT NULL) THEN max(closed_on) END AS closed_on
  FROM account_now JOIN customer_owner USING (customer_no) GROUP BY one_id
)"""


def _first_days_ctes() -> str:
    """First, second and last days of trades, money and events."""
    return """
trade_day AS (
  SELECT one_id, customer_no, trade_date, count(*) AS trades FROM execution
  WHERE NOT is_busted AND is_customer_initiated
  GROUP BY ALL
),
trading AS (
  SELECT one_id, min(trade_date) AS first_trade_on, max(trade_date) AS last_trade_on, sum(trades) AS trades,
    count(*) AS days FROM trade_day GROUP BY one_id
),
second_trade AS (
  SELECT one_id, min(trade_date) AS second_trade_on FROM trade_day JOIN (
    SELECT customer_no, min(trade_date) AS first_on FROM trade_day GROUP BY customer_no
  ) USING (customer_no) WHERE trade_date > first_on GROUP BY one_id
),
revenue AS (SELECT one_id, sum(net_revenue_amount) AS revenue FROM execution WHERE NOT is_busted GROUP BY one_id),
funded AS (
  SELECT one_id, min(day) AS funded_on FROM (
    SELECT one_id, flow_date AS day FROM flow WHERE kind = 'bank_in'
    UNION ALL SELECT one_id, occurred_on FROM movement WHERE kind = 'custody_in' AND value > 0
  ) GROUP BY one_id
),
seen AS (SELECT one_id, min(event_date) AS first_event_on FROM event GROUP BY one_id)"""
