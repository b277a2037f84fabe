"""gold.tag_values and gold.tag_wide once more, each tag of conf/tags/ written by hand as SQL."""

from __future__ import annotations

from datetime import date

from tests.jobs.gold.independent.queries import BEST, TIER, years_between
from tests.jobs.gold.independent.windows import all_ctes

WINDOWS = (
    BEST.format(6), "average_net_assets_amount_20td", "average_net_assets_amount_60td",
    "commission_amount_60td", "net_assets_amount", "filled_order_count_250td", "net_inflow_amount_20td",
    "fund_value_amount", "stock_value_amount", "trading_days_with_trades_60td", "net_revenue_amount_250td",
    "trade_count_250td", "trade_count_60td", "closing_page_count_30d", "complaint_count_30d", "contact_count_30d",
    "login_count_30d",
)  # fmt: skip
VALIDITY = {
    "effective_customer": 7, "large_outflow": 7, "account_progress": 7, "risk_test_due": 7, "closing_intent": 7,
    "service_need": 7, "login_habit": 7, "trade_frequency": 14, "dormant": 14, "preferred_page_kind": 14,
    "favourite_products": 14, "preferred_platform": 14,
}  # fmt: skip
MONTH = 31
SECOND_VERSION = ("asset_tier",)


def _cut(value: str, *steps: tuple[float, str], last: str) -> str:
    cases = " ".join(f"WHEN {value} < {bound} THEN '{label}'" for bound, label in steps)
    return f"CASE WHEN {value} IS NULL THEN NULL {cases} ELSE '{last}' END"


def expressions(as_of: date) -> dict[str, str]:
    """Value of each layered or metric tag over the CTE person."""
    day = f"DATE '{as_of}'"
    test_age = f"({day} - risk_assessed_on)"
    ranked = "share_of_{0}"
    return {
        "asset_tier": TIER.format(BEST.format(6)),
        "asset_rank": _cut(
            ranked.format("assets"),
            (0.5, "lower_half"), (0.8, "middle"), (0.95, "top_20"), (0.99, "top_5"), last="top_1",
        ),
        "revenue_rank": _cut(
            ranked.format("revenue"), (0.5, "lower_half"), (0.8, "middle"), (0.95, "top_20"), last="top_5"
        ),
        "effective_customer": "CASE WHEN average_net_assets_amount_20td >= 5000 OR commission_amount_60td > 0 "
        "THEN 'yes' ELSE 'no' END",
        "high_net_worth": "CASE WHEN net_assets_amount >= 500000 THEN CASE WHEN filled_order_count_250td >= 10 "
        "THEN 'yes' ELSE 'assets_only' END END",
        "large_outflow": "CASE WHEN average_net_assets_amount_60td >= 10000 THEN CASE WHEN net_inflow_amount_20td "
        "<= -100000 THEN 'severe' WHEN net_inflow_amount_20td <= -10000 THEN 'noticeable' END END",
        "fund_saver": "CASE WHEN fund_value_amount > 0 THEN CASE WHEN stock_value_amount > 0 THEN 'mixed' "
        "ELSE 'funds_only' END WHEN stock_value_amount > 0 THEN 'stocks_only' END",
        "trade_frequency": _cut(
            "trading_days_with_trades_60td", (1, "none"), (4, "rare"), (20, "regular"), last="frequent"
        ),
        "account_progress": "CASE WHEN first_trade_on IS NOT NULL THEN 'traded' "
        "WHEN funded_on IS NOT NULL THEN 'funded' "
        "WHEN opened_on IS NOT NULL THEN 'opened' ELSE 'registered' END",
        "dormant": "CASE WHEN first_trade_on IS NULL THEN NULL WHEN coalesce(trade_count_250td, 0) <= 0 THEN 'long' "
        "WHEN trade_count_60td <= 0 THEN 'short' END",
        "trading_tenure_years": f"CAST({years_between('first_trade_on', day)} AS VARCHAR)",
        "age_band": _cut(
            years_between("birth_date", day),
            (18, "below_18"), (30, "18_29"), (40, "30_39"), (50, "40_49"), (60, "50_59"), last="from_60",
        ),
        "risk_appetite": "CASE risk_level WHEN 'C1_lowest' THEN 'cautious' WHEN 'C1' THEN 'cautious' WHEN 'C2' THEN "
        "'cautious' WHEN 'C3' THEN 'balanced' WHEN 'C4' THEN 'bold' WHEN 'C5' THEN 'bold' ELSE 'untested' END",
        "risk_test_due": f"CASE WHEN risk_assessed_on IS NULL THEN 'never_taken' WHEN {test_age} > 730 THEN 'expired' "
        f"WHEN {test_age} > 670 THEN 'soon' END",
        "invests_elsewhere": _cut("other_broker_accounts", (1, "none"), (3, "some"), last="many"),
        "closing_intent": "CASE WHEN closing_page_count_30d > 0 THEN 'yes' END",
        "service_need": "CASE WHEN complaint_count_30d > 0 THEN 'complaint' WHEN contact_count_30d >= 3 "
        "THEN 'frequent_contact' END",
        "login_habit": _cut("login_count_30d", (1, "none"), (5, "occasional"), (20, "weekly"), last="daily"),
    }  # fmt: skip


def _preference(as_of: date, code: str, column: str, score: str, top: int, least: int, where: str = "true") -> str:
    return f"""SELECT one_id, '{code}' AS tag_code, string_agg(item, '|' ORDER BY score DESC, item) AS value FROM (
      SELECT *, row_number() OVER (PARTITION BY one_id ORDER BY score DESC, item) AS place FROM (
        SELECT one_id, {column} AS item, {score} AS score FROM event
        WHERE event_date > DATE '{as_of}' - 30 AND coalesce({column}, '') <> '' AND {where} GROUP BY ALL
      ) WHERE score >= {least}
    ) WHERE place <= {top} AND one_id IN (SELECT one_id FROM people) GROUP BY one_id"""


def tag_values(as_of: date) -> str:
    """gold.tag_values of the date without `evidence`, which only tells what the rule looked at."""

    def share(value: str) -> str:
        over = f"PARTITION BY coalesce({value} > 0, false)"
        below = f"CAST(rank() OVER ({over} ORDER BY {value}) - 1 AS DOUBLE)"
        return f"CASE WHEN {value} > 0 THEN {below} / count(*) OVER ({over}) END"

    plain = " UNION ALL ".join(
        f"SELECT one_id, '{code}' AS tag_code, {value} AS value FROM person"
        for code, value in expressions(as_of).items()
    )
    counted = [
        _preference(as_of, "preferred_page_kind", "page_kind", "count(*)", 1, 3),
        _preference(as_of, "favourite_products", "product_id", "count(*)", 3, 1, "event = 'product_view'"),
        _preference(as_of, "preferred_platform", "platform", "sum(coalesce(duration_ms, 0))", 1, 1),
    ]
    valid = " ".join(f"WHEN '{code}' THEN {days}" for code, days in VALIDITY.items())
    second = ", ".join(f"'{code}'" for code in SECOND_VERSION)
    return f"""{all_ctes(as_of, WINDOWS)},
person AS (
  SELECT *, {share("average_net_assets_amount_20td")} AS share_of_assets,
    {share("net_revenue_amount_250td")} AS share_of_revenue
  FROM people LEFT JOIN milestones USING (one_id) LEFT JOIN windows USING (one_id)
),
tagged AS ({plain} UNION ALL {" UNION ALL ".join(counted)})
SELECT one_id, tag_code, value, CASE WHEN tag_code IN ({second}) THEN 2 ELSE 1 END AS tag_version,
  value AS computed_value, CAST(NULL AS VARCHAR) AS overridden_by,
  DATE '{as_of}' + CASE tag_code {valid} ELSE {MONTH} END AS valid_until, DATE '{as_of}' AS as_of_date
FROM tagged WHERE value IS NOT NULL"""


def tag_wide(as_of: date) -> str:
    """gold.tag_wide of the date."""
    codes = [*expressions(as_of), "preferred_page_kind", "favourite_products", "preferred_platform"]
    columns = ", ".join(f"max(value) FILTER (WHERE tag_code = '{code}') AS {code}" for code in codes)
    return f"""SELECT one_id, as_of_date, count(*) AS tag_count, {columns}
FROM ({tag_values(as_of)}) GROUP BY one_id, as_of_date"""
