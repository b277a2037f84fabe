"""silver.events and silver.visits of a night, in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.beside.sources import Night
from jobs.silver.events import PROPERTY_COLUMNS
from jobs.silver.visits import PAGE_KINDS

LOCAL_DATE = "CAST(CAST({0} AS TIMESTAMP) + INTERVAL 8 HOUR AS DATE)"
DELIVERED = ("event_id", "distinct_id", "login_id", "event", "occurred_at", "received_at", "app_id", "platform",
             "app_version", "ip", "region")  # fmt: skip
GAP_MS = 30 * 60_000
HIDDEN = (
    (r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+\.[A-Za-z]{2,}", "[mail]"),
    (r"\b(86)?1[2-9][0-9][ \-]?[0-9]{4}[ \-]?[0-9]{4}\b", "[number]"),
    (r"\b[1-9][0-9]{14,18}[Xx]?\b", "[number]"),
)
"""What people type into a search box and nobody may read: pattern, and what is shown instead."""


def plan_rows(plan: Mapping[str, Any]) -> str:
    """The tracking plan as rows: event, page_kind, planned (its properties)."""
    rows = [
        f"('{event}', '{rule['page_kind']}', {sorted(rule.get('properties') or {})}::VARCHAR[])"
        for event, rule in plan["events"].items()
    ]
    return f"(VALUES {', '.join(rows)}) AS plan(event, page_kind, planned)"


def scrubbed(text: str) -> str:
    """The text with mail addresses, phones and long numbers hidden."""
    for pattern, shown in HIDDEN:
        text = f"regexp_replace({text}, '{pattern}', '{shown}', 'g')"
    return text


def _value(at: int, name: str, kind: str) -> str:
    """The property in its type, where it is planned for the event."""
    text = f"nullif(_values[{at}], '')"
    found = scrubbed(text) if name == "keyword" else text
    return f"CAST(CASE WHEN list_contains(planned, '{name}') THEN {found} END AS {kind}) AS {name}"


def events(night: Night) -> str:
    """The night's events by the tracking plan, copies left out. No value arrives in another JSON type than planned."""
    files = ", ".join(f"'{file}'" for file in night.delivered("web_events"))
    names = list(PROPERTY_COLUMNS)
    paths = ", ".join(f"'$.{name}'" for name in names)
    types = ", ".join(f"{name}: 'VARCHAR'" for name in DELIVERED)
    types = f"{{{types}, properties: 'JSON'}}"
    values = [_value(at, name, kind) for at, (name, kind) in enumerate(PROPERTY_COLUMNS.items(), start=1)]
    texts = ", ".join(f"nullif({name}, '') AS {name}" for name in ("app_id", "platform", "app_version", "region"))
    day = f"DATE '{night.day}'"
    return f"""
WITH raw AS (
  SELECT *, properties ->> [{paths}] AS _values, json_keys(properties) AS _names
  FROM read_json([{files}], format = 'newline_delimited', columns = {types}, filename = true)
),
device AS (SELECT clear, token('device', clear) AS token FROM (SELECT DISTINCT distinct_id AS clear FROM raw)),
address AS (SELECT clear, token('ip', clear) AS token FROM (SELECT DISTINCT ip AS clear FROM raw WHERE ip IS NOT NULL)),
typed AS (
  SELECT d.token AS device_id, event_id, nullif(login_id, '') AS customer_no, event,
    {LOCAL_DATE.format("CAST(occurred_at AS TIMESTAMPTZ)")} AS event_date,
    CAST(occurred_at AS TIMESTAMPTZ) AS occurred_at, CAST(received_at AS TIMESTAMPTZ) AS received_at, {texts},
    a.token AS ip, page_kind, {", ".join(values)}, NULL::VARCHAR AS other_properties,
    list_sort(list_filter(_names, lambda name: NOT list_contains(planned, name))) AS dropped_properties,
    []::VARCHAR[] AS cast_properties, filename
  FROM raw JOIN device d ON d.clear = distinct_id LEFT JOIN address a ON a.clear = ip
  JOIN {plan_rows(night.lake.conf_input("tracking_plan"))} USING (event)
),
placed AS (
  SELECT *, event_date <= (SELECT previous_trading_date FROM silver_calendar WHERE natural_date = {day}) AS is_late
  FROM typed QUALIFY row_number() OVER (PARTITION BY device_id, event_id ORDER BY filename) = 1
)
SELECT * EXCLUDE (filename), {day} AS _delivered_on FROM placed p
WHERE NOT is_late OR NOT EXISTS (
  SELECT 1 FROM silver_events e WHERE e.device_id = p.device_id AND e.event_id = p.event_id
)"""


def visits(night: Night) -> str:
    """The night's parts of visits, from the table `events` and the visits of the night before."""
    by_kind = ", ".join(f"count(*) FILTER (WHERE page_kind = '{k}') AS {k}_event_count" for k in PAGE_KINDS)
    day = f"DATE '{night.day}'"
    return f"""
WITH before AS (
  SELECT * FROM silver_visits
  WHERE NOT is_late AND _delivered_on = (SELECT previous_trading_date FROM silver_calendar WHERE natural_date = {day})
),
rows AS (
  SELECT device_id, app_id, is_late, occurred_at, event_id, event, page_kind, platform, customer_no,
    NULL::VARCHAR AS open_id FROM events
  UNION ALL SELECT device_id, app_id, false, ended_at, NULL, NULL, NULL, platform, customer_no, visit_id FROM before
),
gaps AS (
  SELECT *, epoch_ms(occurred_at) - epoch_ms(lag(occurred_at) OVER stream) AS gap FROM rows
  WINDOW stream AS (PARTITION BY device_id, app_id, is_late ORDER BY occurred_at, open_id IS NULL, event_id)
),
named AS (
  SELECT *, CASE WHEN gap IS NULL OR gap > {GAP_MS} THEN coalesce(open_id, left(sha256(concat_ws('|', device_id, app_id,
    CAST(epoch_ms(occurred_at) AS VARCHAR), CASE WHEN is_late THEN '{night.day}' END)), 32)) END AS new_id FROM gaps
),
numbered AS (
  SELECT *, last_value(new_id IGNORE NULLS) OVER (PARTITION BY device_id, app_id, is_late
    ORDER BY occurred_at, open_id IS NULL, event_id) AS visit_id FROM named
),
part AS (
  SELECT visit_id, device_id, app_id, is_late, min(occurred_at) AS started_at, max(occurred_at) AS ended_at,
    count(*) AS event_count, {by_kind}, arg_max(platform, (occurred_at, event_id)) AS platform,
    arg_max(customer_no, (occurred_at, event_id)) FILTER (WHERE customer_no IS NOT NULL) AS customer_no,
    arg_min(event, (occurred_at, event_id)) AS first_event, arg_max(event, (occurred_at, event_id)) AS last_event
  FROM numbered WHERE open_id IS NULL GROUP BY ALL
)
SELECT p.* EXCLUDE (customer_no), coalesce(p.customer_no, b.customer_no) AS customer_no,
  epoch_ms(p.ended_at) - epoch_ms(coalesce(b.ended_at, p.started_at)) AS duration_ms,
  b.visit_id IS NOT NULL AS is_continued, {day} AS _delivered_on
FROM part p LEFT JOIN before b USING (visit_id)"""
