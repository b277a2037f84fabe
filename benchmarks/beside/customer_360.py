"""gold.customer_360 of a night, in SQL: the tests' independent query over windows made from party_days."""

from __future__ import annotations

from benchmarks.beside import windows
from benchmarks.beside.sources import Night
from brokerlake.catalog import Contract
from tests.jobs.gold.independent.facts import people_ctes
from tests.jobs.gold.independent.queries import customer_360_over, windows_of_360

FIRST = ("registered_on", "funded_on", "first_trade_on", "second_trade_on", "first_event_on")
LIFETIME = {
    "lifetime_trading_days_with_trades": "BIGINT",
    "lifetime_trade_count": "BIGINT",
    "lifetime_net_revenue_amount": "DECIMAL(18,4)",
}


def _milestones(night: Night) -> str:
    sums = ", ".join(f"CAST(coalesce(sum({name}), 0) AS {type_}) AS {name}" for name, type_ in LIFETIME.items())
    firsts = ", ".join(f"min({name}) AS {name}" for name in FIRST)
    return f"""
milestones AS (
  SELECT p.one_id, {firsts}, max(last_trade_on) AS last_trade_on, {sums}
  FROM people p LEFT JOIN owner_of_party o ON o.one_id = p.one_id
  LEFT JOIN (
    SELECT * FROM silver_customer_milestones WHERE _delivered_on <= DATE '{night.day}'
    QUALIFY row_number() OVER (PARTITION BY party_kind, party_id ORDER BY _delivered_on DESC) = 1
  ) m ON m.party_kind = o.party_kind AND m.party_id = o.party_id
  GROUP BY p.one_id
)"""


def statements(night: Night, contract: Contract) -> tuple[list[str], str]:
    """Tables to make first, and the query; tables `party_days` must be there."""
    columns = [column.name for column in contract.columns]
    people = people_ctes(night.day)
    owners = "SELECT identifier_kind AS party_kind, identifier AS party_id, one_id FROM owner"
    needed = windows_of_360(columns)
    calendar = night.lake.calendar
    before = [
        f"CREATE OR REPLACE TEMP TABLE owner_of_party AS WITH {people} {owners}",
        f"CREATE OR REPLACE TEMP TABLE account_state AS WITH {people} SELECT * FROM account",
        windows.back_table(night.day),
        windows.dated_view(calendar, night.day),
        f"CREATE OR REPLACE TEMP VIEW tag AS SELECT one_id, list_sort(list(tag_code || '=' || value)) AS tags "
        f"FROM gold_tag_values WHERE as_of_date = DATE '{night.day}' GROUP BY one_id",
    ]
    ctes = f"WITH {people}, {_milestones(night)}, windows AS ({windows.windows(needed, calendar, night.day)})"
    rows = customer_360_over(ctes, night.day, columns)
    return before, f"SELECT r.*, coalesce(t.tags, []::VARCHAR[]) AS tags FROM ({rows}) r LEFT JOIN tag t USING (one_id)"
