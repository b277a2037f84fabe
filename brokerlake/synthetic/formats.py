"""How each feed is handed over: columns in file order, dialect, encoding, key, control sums.

The broker's side of the interface. It is stated here and not read from the lake's contracts, as a supplier would not
read them either; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FeedFormat:
    """The transport of one feed.

    Attributes:
        kind: delimited, json_lines or parquet.
        delivery: facts, changes or snapshot.
        key: columns whose text, joined by `|`, enters id_hash_total.
        control: decimal columns whose sums stand in the manifest.
        encoding: Python's name; `utf-8-sig` writes a byte order mark.
    """

    columns: tuple[str, ...]
    key: tuple[str, ...]
    kind: str = "delimited"
    delivery: str = "facts"
    control: tuple[str, ...] = ()
    delimiter: str = ","
    encoding: str = "utf-8"
    gzip: bool = False
    suffix: str = ".csv"

    @property
    def has_header(self) -> bool:
        """True when the first line names the columns."""
        return self.kind == "delimited"


def _columns(text: str) -> tuple[str, ...]:
    return tuple(text.replace("\n", "").replace(" ", "").split(","))


def _trading(columns: str, key: str, *, delivery: str = "facts", control: tuple[str, ...] = ()) -> FeedFormat:
    return FeedFormat(
        _columns(columns),
        _columns(key),
        delivery=delivery,
        control=control,
        delimiter="|",
        encoding="gb18030",
        suffix=".txt",
    )


def _parquet(columns: str, key: str, control: str) -> FeedFormat:
    return FeedFormat(_columns(columns), _columns(key), "parquet", control=(control,), suffix=".parquet")


def _csv(columns: str, key: str, *, delivery: str = "facts", encoding: str = "utf-8", **more) -> FeedFormat:
    return FeedFormat(_columns(columns), _columns(key), delivery=delivery, encoding=encoding, **more)


FEEDS: dict[str, FeedFormat] = {
    "trading_accounts": _trading(
        "change_seq,op,account_id,customer_no,account_kind,branch_id,opened_on,closed_on,close_reason,status,"
        "commission_rate,changed_at",
        "account_id,change_seq",
        delivery="changes",
    ),
    "trading_orders": _trading(
        "order_id,account_id,product_id,business_kind,quantity,limit_price,entry_channel,ordered_at,status,"
        "journey_id,document_id,document_version,override_document",
        "order_id",
    ),
    "trading_executions": _trading(
        "execution_id,revision,order_id,account_id,product_id,business_kind,quantity,price,currency,amount,"
        "commission,commission_basis,exchange_fee,regulatory_fee,stamp_duty,transfer_fee,executed_at,confirm_date,"
        "nav_date,settles_on,is_busted",
        "execution_id,revision",
        control=("amount", "commission"),
    ),
    "trading_cash_flows": _trading(
        "flow_id,account_id,kind,amount,currency,occurred_at,bank,verified_by,verified_at",
        "flow_id",
        control=("amount",),
    ),
    "trading_security_movements": _trading(
        "movement_id,account_id,product_id,kind,quantity,value,occurred_on", "movement_id", control=("value",)
    ),
    "trading_positions": _parquet(
        "account_id,product_id,position_date,quantity,sellable_quantity,cost_amount,price,currency,market_value",
        "account_id,product_id,position_date",
        "market_value",
    ),
    "trading_balances": _parquet(
        "account_id,currency,balance_date,cash,withdrawable,in_transit,receivable,financing_principal,"
        "short_market_value,interest_and_fees_owed",
        "account_id,currency,balance_date",
        "cash",
    ),
    "trading_logins": _csv(
        "account_id,terminal,device_id,ip,region,logged_in_at",
        "account_id,terminal,logged_in_at",
        gzip=True,
        suffix=".csv.gz",
    ),
    "market_products": _csv(
        "product_id,name,market,product_line,risk_level,term_days,min_amount,lot,settlement_cycle,currency,issuer,"
        "trail_fee_rate,status",
        "product_id",
        delivery="snapshot",
        encoding="utf-8-sig",
    ),
    "market_quotes": _csv(
        "product_id,quote_date,open,high,low,close,prev_close,volume,turnover,backward_factor,nav_date,published_at",
        "product_id,quote_date",
        control=("turnover",),
    ),
    "market_corporate_actions": _csv(
        "product_id,kind,ratio,cash_per_share,ex_date,record_date,pay_date", "product_id,kind,ex_date"
    ),
    "crm_customers": _csv(
        "change_seq,op,customer_no,customer_kind,name,id_type,id_number,phone,email,birth_date,gender,city,"
        "occupation,education,income_band,risk_level,risk_assessed_on,horizon,variety,investor_class,branch_id,"
        "opened_channel,wecom_id,other_broker_accounts,other_brokers_checked_on,changed_at",
        "customer_no,change_seq",
        delivery="changes",
        encoding="gb18030",
    ),
    "crm_branches": _csv("branch_id,parent_id,name,region", "branch_id", delivery="snapshot"),
    "crm_advisers": _csv("adviser_id,name,branch_id,licence_no,joined_on,left_on", "adviser_id", delivery="snapshot"),
    "crm_adviser_book": _csv(
        "change_seq,op,adviser_id,customer_no,role,from_date,to_date,changed_at",
        "adviser_id,customer_no,role,change_seq",
        delivery="changes",
    ),
    "crm_contacts": FeedFormat(
        _columns(
            "contact_id,customer_no,phone,adviser_id,kind,direction,topic,text,started_at,answered_at,resolved_at,"
            "satisfaction"
        ),
        ("contact_id",),
        "json_lines",
        suffix=".jsonl",
    ),
    "channel_ad_plans": _csv(
        "change_seq,op,ad_plan_id,campaign_id,channel,labels,landing_page,starts_on,ends_on,changed_at",
        "ad_plan_id,change_seq",
        delivery="changes",
    ),
    "channel_ad_spend": _csv(
        "spend_date,channel,ad_plan_id,creative_id,impressions,reach,clicks,spend,rebate,currency",
        "spend_date,ad_plan_id,creative_id",
        control=("spend",),
    ),
    "channel_clicks": _csv("click_id,ad_plan_id,device_id,ip,clicked_at", "click_id"),
    "web_events": FeedFormat(
        _columns(
            "event_id,distinct_id,login_id,event,properties,occurred_at,received_at,app_id,platform,app_version,ip,"
            "region"
        ),
        ("event_id",),
        "json_lines",
        gzip=True,
        suffix=".jsonl.gz",
    ),
}
"""Every feed of the made-up broker, in the order a night writes them."""

JSON_NUMBERS = frozenset({"satisfaction"})
"""Columns of JSON lines that are numbers; all others are text or null."""

JSON_OBJECTS = frozenset({"properties"})
"""Columns of JSON lines that already hold JSON text."""
