"""silver.executions and silver.cash_flows of a night, in SQL over the decoded deliveries."""

from __future__ import annotations

from pathlib import Path

from benchmarks.beside.sources import Night

BUYS = "('buy', 'subscribe', 'ipo', 'finance_buy')"
SELLS = "('sell', 'redeem', 'short_sell')"
MONEY = "DECIMAL(18,4)"
FEES = ("exchange_fee", "regulatory_fee", "stamp_duty", "transfer_fee")


def _rows(file: Path) -> str:
    return f"read_csv('{file}', delim = '|', header = true, all_varchar = true, quote = '\"', escape = '\"')"


def _accounts(night: Night) -> str:
    """CTEs: each account of the delivery with its token and the customer of its first delivered change."""
    return f"""
owner AS (
  SELECT account_id, arg_min(customer_no, (_delivered_on, _business_date, _sequence, change_sequence)) AS customer_no
  FROM silver_account_changes WHERE _delivered_on <= DATE '{night.day}' GROUP BY account_id
),
account AS (
  SELECT clear, token('account', clear) AS token FROM (SELECT DISTINCT account_id AS clear FROM raw)
)"""


def _utc(column: str) -> str:
    return f"CAST(CAST({column} AS TIMESTAMP) - INTERVAL 8 HOUR AS TIMESTAMPTZ)"


def executions(night: Night, file: Path) -> str:
    """The night's executions, one row per id and revision."""
    day = f"DATE '{night.day}'"
    fees = ", ".join(f"CAST(coalesce({name}, '0') AS {MONEY}) AS {name}" for name in FEES)
    outside = "CASE WHEN commission_basis = 'gross' THEN 0 ELSE exchange_fee + regulatory_fee END"
    cost = f"(commission + stamp_duty + transfer_fee + {outside})"
    passed_on = "CASE WHEN commission_basis = 'gross' THEN exchange_fee + regulatory_fee ELSE 0 END"
    return f"""
WITH raw AS (SELECT * FROM {_rows(file)}), {_accounts(night)},
line AS (
  SELECT product_id, arg_min(product_line, (_delivered_on, _business_date, _sequence, change_sequence)) AS product_line
  FROM silver_product_changes WHERE _delivered_on <= {day} GROUP BY product_id
),
system_order AS (
  SELECT DISTINCT order_id FROM silver_orders
  WHERE entry_channel = 'system' AND _delivered_on <= {day} AND order_date > {day} - 7 AND NOT _withdrawn
),
typed AS (
  SELECT execution_id, CAST(revision AS INTEGER) AS revision, order_id, account_id AS clear, product_id, business_kind,
    CAST(quantity AS {MONEY}) AS quantity, CAST(price AS DECIMAL(18,6)) AS price, currency,
    CAST(amount AS {MONEY}) AS amount, CAST(coalesce(commission, '0') AS {MONEY}) AS commission,
    coalesce(commission_basis, 'net') AS commission_basis, {fees}, {_utc("executed_at")} AS executed_at,
    CAST(CAST(executed_at AS TIMESTAMP) AS DATE) AS trade_date, CAST(confirm_date AS DATE) AS confirm_date,
    CAST(nav_date AS DATE) AS nav_date, CAST(settles_on AS DATE) AS settles_on, CAST(is_busted AS BOOLEAN) AS is_busted
  FROM raw
  QUALIFY row_number() OVER (PARTITION BY execution_id, revision) = 1
)
SELECT t.* EXCLUDE (clear), a.token AS account_id, o.customer_no, l.product_line,
  CAST(commission - {passed_on} AS {MONEY}) AS net_revenue_amount,
  CAST(CASE WHEN business_kind IN {BUYS} THEN -(amount + {cost})
    WHEN business_kind IN {SELLS} THEN amount - {cost} END AS {MONEY}) AS cash_effect_amount,
  s.order_id IS NULL AS is_customer_initiated, {day} AS _delivered_on
FROM typed t JOIN account a USING (clear) JOIN owner o ON o.account_id = a.token
LEFT JOIN line l USING (product_id) LEFT JOIN system_order s ON s.order_id = t.order_id"""


def cash_flows(night: Night, file: Path) -> str:
    """The night's cash flows, one row per id."""
    return f"""
WITH raw AS (SELECT * FROM {_rows(file)}), {_accounts(night)}
SELECT flow_id, a.token AS account_id, o.customer_no, kind, CAST(amount AS {MONEY}) AS amount, currency,
  {_utc("occurred_at")} AS occurred_at, CAST(CAST(occurred_at AS TIMESTAMP) AS DATE) AS flow_date, bank, verified_by,
  {_utc("verified_at")} AS verified_at, DATE '{night.day}' AS _delivered_on
FROM raw r JOIN account a ON a.clear = r.account_id JOIN owner o ON o.account_id = a.token
QUALIFY row_number() OVER (PARTITION BY flow_id) = 1"""
