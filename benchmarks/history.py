"""Days of a party behind the first night: copies of the earlier days, shifted to trading days before them.

A broker of that size over 250 days would take days to make; what a night reads of the past is one partition of
silver.party_days a trading day, and these have the same rows, bytes and commits. What is known of lifetimes by then
comes with them as one partition of silver.customer_milestones, or the gate would rightly stop the first night.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import pyarrow as pa
from deltalake import DeltaTable

from brokerlake.calendar import TradingCalendar
from brokerlake.lake import Lake
from brokerlake.plan.state import PASSED, Done, sha256
from brokerlake.run.context import Run
from brokerlake.tables import delta_files
from brokerlake.tables.delta_queries import ask, scan_days

PARTY_DAYS = "silver.party_days"
MILESTONES = "silver.customer_milestones"
WHO = "benchmark: copied history"


def pairs(lake: Lake, earlier: Sequence[date], days: int) -> list[tuple[date, date]]:
    """(day copied, day it becomes), oldest first; the first day, on which the broker opens, is no model."""
    before = [lake.calendar.back(earlier[0], back) for back in range(days, 0, -1)]
    models = list(earlier[1:]) or list(earlier)
    return [(models[at % len(models)], day) for at, day in enumerate(before) if day is not None]


def shifted(rows: pa.Table, source: date, target: date, calendar: TradingCalendar) -> pa.Table:
    """`rows` of a night as if all had happened earlier: trading days stay trading days, others move in natural ones.

    A fund order confirmed on Tuesday speaks of Monday; copied to a Monday it speaks of the Friday before.
    """

    def moved(day: date) -> date:
        back = len(calendar.between(day, source)) - 1
        earlier = calendar.back(target, back) if calendar.is_trading_day(day) else None
        return earlier or day + (target - source)

    for name in ("effective_date", "_delivered_on"):
        dates = rows.column(name).to_pylist()
        new = {day: moved(day) for day in set(dates)}
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, name, pa.array([new[day] for day in dates], pa.date32()))
    return rows


def write_history(run: Run, earlier: Sequence[date], days: int) -> Iterator[str]:
    """Commit one partition a day, and the milestones reached by then; yields a line of progress every fifty days.

    `run` has made party_days of the earlier days and nothing that reads them. Written once: nothing happens when an
    earlier attempt of the run came so far.
    """
    if run.state.get(MILESTONES, run.lake.calendar.previous(earlier[0])):
        return
    version = run.state.vector[PARTY_DAYS]
    path = run.lake.settings.table_path(PARTY_DAYS)
    table = DeltaTable(path, version=version)
    copied = {day: table.to_pyarrow_table(partitions=[("_delivered_on", "=", str(day))]) for day in earlier}
    calendar = run.lake.calendar
    wanted, rows = pairs(run.lake, earlier, days), {}
    delta_files.restore(path, version)
    for number, (source, target) in enumerate(wanted, start=1):
        run.check_lease()
        version = delta_files.append(path, shifted(copied[source], source, target, calendar), {"run_id": run.run_id})
        rows[target] = copied[source].num_rows
        if number % 50 == 0:
            yield f"{number} of {days} days of {PARTY_DAYS}"
    run.record_rows(PARTY_DAYS, {day: _done(day, version, count) for day, count in rows.items()}, PASSED)
    _write_milestones(run, sorted(rows), version)


def _done(day: date, version: int, rows: int) -> Done:
    return Done(version, sha256(WHO, day), sha256(WHO, day, rows), rows, "{}")


def _write_milestones(run: Run, days: Sequence[date], version: int) -> None:
    """What is known of every party at the end of the history, as one partition of its last day."""
    contract, path = run.lake.contract(MILESTONES), run.lake.settings.table_path(MILESTONES)
    found = ask(milestones_query(scan_days(run.lake.settings.table_path(PARTY_DAYS), version, "_delivered_on", days)))
    last = pa.array([days[-1]] * found.num_rows, pa.date32())
    found = found.append_column("_delivered_on", last)
    schema = delta_files.arrow_schema(contract)
    rows = pa.table(
        {
            field.name: found[field.name].cast(field.type)
            if field.name in found.column_names
            else pa.nulls(found.num_rows, field.type)
            for field in schema
        },
        schema=schema,
    )
    delta_files.prepare(path, contract, run.state.vector.get(MILESTONES))
    run.check_lease()
    written = delta_files.append(path, rows, {"run_id": run.run_id})
    run.record_rows(MILESTONES, {days[-1]: _done(days[-1], written, rows.num_rows)}, PASSED)


def milestones_query(party_days: str) -> str:
    """One row per party of the table expression, as silver.customer_milestones: first and last days, lifetime sums."""
    return f"""
WITH told AS (
  SELECT party_kind, party_id, effective_date, sum(trade_count) AS trades, sum(net_revenue_amount) AS revenue,
    sum(event_count) AS events, sum(bank_in_count + CAST(sign(custody_in_amount) AS BIGINT)) AS funding
  FROM (SELECT * FROM {party_days})
  WHERE trade_count <> 0 OR net_revenue_amount <> 0 OR event_count <> 0 OR bank_in_count <> 0 OR custody_in_amount <> 0
  GROUP BY ALL
)
SELECT party_kind, party_id, min(effective_date) FILTER (WHERE funding > 0) AS funded_on,
  min(effective_date) FILTER (WHERE trades > 0) AS first_trade_on,
  list_sort(list(effective_date) FILTER (WHERE trades > 0))[2] AS second_trade_on,
  max(effective_date) FILTER (WHERE trades > 0) AS last_trade_on,
  min(effective_date) FILTER (WHERE events > 0) AS first_event_on,
  count(*) FILTER (WHERE trades > 0) AS lifetime_trading_days_with_trades,
  CAST(sum(trades) AS BIGINT) AS lifetime_trade_count,
  CAST(sum(revenue) AS DECIMAL(18,4)) AS lifetime_net_revenue_amount
FROM told GROUP BY party_kind, party_id"""
