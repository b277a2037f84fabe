"""What happens inside visits, and around orders, transfers and the opening of an account."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from brokerlake.synthetic.behaviour import Visits
from brokerlake.synthetic.columns import codes
from brokerlake.synthetic.devices import phone_keys
from brokerlake.synthetic.draws import hashed_uniform, stream
from brokerlake.synthetic.marketing import PLANS, Clicks
from brokerlake.synthetic.population import Population

Indexes = NDArray[np.int64]

EVENTS = (
    *("app_launch", "page_view", "login", "register_phone", "open_account_start", "open_account_submit"),
    *("open_account_done", "search", "banner_view", "banner_click", "watchlist_add", "product_view"),
    *("order_step_open", "order_step_confirm", "order_step_submit", "transfer_in_page", "transfer_out_page"),
    *("closing_page_view", "service_page", "phone_rebind", "community_post", "community_view"),
)
CODE = {name: number for number, name in enumerate(EVENTS)}
MIX = {
    "page_view": 0.34, "product_view": 0.24, "search": 0.08, "banner_view": 0.10, "banner_click": 0.03,
    "watchlist_add": 0.03, "service_page": 0.03, "community_view": 0.09, "community_post": 0.012,
    "order_step_open": 0.03, "transfer_in_page": 0.008, "transfer_out_page": 0.006, "phone_rebind": 0.0008,
}  # fmt: skip
"""Shares of the events of a visit after its opening; an order step here is one that leads to no order."""
REGISTER_SHARE = 0.12  # of the clicks of an average plan


@dataclass(frozen=True)
class Events:
    """Events in any order, one entry each.

    Attributes:
        kind: index into EVENTS.
        device: device key.
        customer: customer index, -1 when nobody is known.
        is_logged_in: the event carries login_id.
        at_ms: market-local milliseconds since 1970.
        delay_ms: from occurring to being received.
        duration_ms: time spent, -1 where it makes no sense.
        journey: index into the night's journeys, -1 for none.
        product: index into the night's product list, -1 for none.
    """

    kind: NDArray[np.int8]
    device: Indexes
    customer: NDArray[np.int32]
    is_logged_in: NDArray[np.bool_]
    at_ms: Indexes
    delay_ms: Indexes
    duration_ms: NDArray[np.int32]
    journey: NDArray[np.int32]
    product: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.kind)

    def take(self, order: Indexes | NDArray[np.bool_]) -> Events:
        """The events at the given places, or those marked true."""
        return Events(*(getattr(self, item.name)[order] for item in fields(self)))


def make_events(kind, device, customer, is_logged_in, at_ms, **more) -> Events:
    """Events with the dtypes of the class; absent columns get their neutral value, single values are repeated."""
    size = len(at_ms)
    columns = {"delay_ms": 0, "duration_ms": -1, "journey": -1, "product": -1, **more}
    columns |= {"kind": kind, "device": device, "customer": customer, "is_logged_in": is_logged_in, "at_ms": at_ms}
    types = {"kind": np.int8, "is_logged_in": np.bool_, "device": np.int64, "at_ms": np.int64, "delay_ms": np.int64}
    return Events(
        **{
            item.name: np.broadcast_to(np.asarray(columns[item.name], dtype=types.get(item.name, np.int32)), size)
            for item in fields(Events)
        }
    )


def concat_events(parts: list[Events]) -> Events:
    """All parts in one."""
    return Events(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(Events)))


def visit_events(seed: int, day: int, visits: Visits) -> Events:
    """Opening, login, and what follows by MIX, some seconds apart."""
    draw = stream(seed, "events", day)
    first = np.cumsum(visits.length) - visits.length
    visit = np.repeat(np.arange(len(visits.length)), visits.length)
    size = len(visit)
    place = np.arange(size) - first[visit]
    names, shares = np.array([CODE[name] for name in MIX]), np.cumsum(list(MIX.values()))
    kind = names[np.searchsorted(shares / shares[-1], draw.random(size), side="right").clip(0, len(names) - 1)]
    fresh = visits.is_logged_in & (draw.random(len(visits.length)) < 0.4)
    kind = np.where((place == 1) & fresh[visit], CODE["login"], kind)
    kind = np.where(place == 0, CODE["app_launch"], kind)
    last = (place == visits.length[visit] - 1) & visits.wants_to_close[visit]
    kind = np.where(last, CODE["closing_page_view"], kind).astype(np.int8)
    gap = (draw.standard_exponential(size, dtype=np.float32) * 24_000 + 400).astype(np.int64)
    elapsed = np.cumsum(gap) - gap
    at = visits.start_ms[visit] + elapsed - elapsed[first][visit]
    return make_events(
        kind,
        visits.device[visit],
        visits.customer[visit],
        visits.is_logged_in[visit] & (place > 0),
        at,
        delay_ms=visits.delay_ms[visit] + draw.integers(150, 4000, size),
        duration_ms=np.where(kind == CODE["app_launch"], -1, gap),
    )


def _customers_of(rows: pa.Table) -> Indexes:
    return rows["_customer"].combine_chunks().to_numpy().astype(np.int64)


def _local_ms(times: pa.ChunkedArray) -> Indexes:
    return times.combine_chunks().cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy(zero_copy_only=False)


def order_events(seed: int, day: int, orders: pa.Table, product_ids: pa.Array) -> tuple[Events, pa.Array]:
    """The three steps of every app order of the books, and their journey_ids."""
    chosen = orders.filter(pc.and_(pc.equal(orders["entry_channel"], "app"), pc.is_valid(orders["journey_id"])))
    draw, size = stream(seed, "order-steps", day), chosen.num_rows
    customer = _customers_of(chosen)
    submitted = _local_ms(chosen["ordered_at"])
    product = pc.fill_null(pc.index_in(chosen["product_id"].combine_chunks(), value_set=product_ids), -1).to_numpy()
    think, confirm = draw.integers(9_000, 90_000, size), draw.integers(1_500, 8_000, size)
    steps = (
        ("open", submitted - confirm - think, think),
        ("confirm", submitted - confirm, confirm),
        ("submit", submitted, 800),
    )
    parts = [
        make_events(
            CODE[f"order_step_{name}"],
            phone_keys(seed, customer, day),
            customer,
            True,
            at,
            delay_ms=draw.integers(150, 4000, size),
            duration_ms=duration,
            journey=np.arange(size),
            product=product,
        )
        for name, at, duration in steps
    ]
    return concat_events(parts), chosen["journey_id"].combine_chunks().cast(pa.string())


def transfer_events(seed: int, day: int, flows: pa.Table) -> Events:
    """The transfer pages that most bank transfers begin on."""
    draw = stream(seed, "transfer-pages", day)
    chosen = flows.filter(pc.is_in(flows["kind"], value_set=pa.array(["bank_in", "bank_out"])))
    chosen = chosen.filter(pa.array(draw.random(chosen.num_rows) < 0.8))
    customer = _customers_of(chosen)
    outgoing = pc.equal(chosen["kind"], "bank_out").combine_chunks().to_numpy(zero_copy_only=False)
    spent = draw.integers(8_000, 60_000, len(customer))
    return make_events(
        np.where(outgoing, CODE["transfer_out_page"], CODE["transfer_in_page"]),
        phone_keys(seed, customer, day),
        customer,
        True,
        _local_ms(chosen["occurred_at"]) - spent,
        delay_ms=draw.integers(150, 4000, len(customer)),
        duration_ms=spent,
    )


def registration_events(seed: int, day: int, population: Population, natural_ms: int) -> Events:
    """Customers-to-be: launch and phone verification on the day they register, the three steps when they open."""
    steps = [("app_launch", "registered", 0), ("register_phone", "registered", 70_000)]
    steps += [("open_account_start", "opened", 200_000), ("open_account_submit", "opened", 560_000)]
    steps += [("open_account_done", "opened", 900_000)]
    parts = []
    for name, which, after in steps:
        who = np.flatnonzero(getattr(population, f"{which}_day") == day)
        who = who[hashed_uniform(seed, "opened-by", who) < 0.7]  # the same draw as crm's opened_channel: app
        second = (hashed_uniform(seed, "registers-at", who) * 43_200).astype(np.int64) + 32_400
        at = natural_ms + second * 1000 + after
        done = name == "open_account_done"
        parts.append(make_events(CODE[name], phone_keys(seed, who, day), who if done else -1, done, at, delay_ms=900))
    return concat_events(parts)


def prospect_events(seed: int, day: int, clicks: Clicks) -> Events:
    """Clicks of strangers: some launch the app, fewer register, few begin to open an account and stop there."""
    stranger = np.flatnonzero(clicks.customer < 0)
    quality = np.array([plan.quality for plan in PLANS])[clicks.plan[stranger]]
    draw = stream(seed, "prospects", day)
    luck, spent = draw.random(len(stranger)), draw.integers(3_000, 70_000, len(stranger))
    begin = clicks.natural_date[stranger].astype("datetime64[ms]").astype(np.int64) + clicks.second[stranger] * 1000
    steps = [("app_launch", 3.0, 40_000), ("page_view", 2.0, 75_000), ("register_phone", 1.0, 150_000)]
    steps += [("open_account_start", 0.5, 260_000), ("open_account_submit", 0.1, 700_000)]
    parts = []
    for name, share, after in steps:
        goes = luck < np.minimum(quality * REGISTER_SHARE * share, 0.9)
        device, at = clicks.device[stranger[goes]], begin[goes] + after
        duration = spent[goes] if name == "page_view" else -1
        parts.append(make_events(CODE[name], device, -1, False, at, delay_ms=700, duration_ms=duration))
    return concat_events(parts)


def with_abandoned_journeys(events: Events, day: int, journeys: pa.Array) -> tuple[Events, pa.Array]:
    """Order steps without an order get journey_ids of their own."""
    lost = np.flatnonzero((events.kind == CODE["order_step_open"]) & (events.journey < 0))
    journey = events.journey.copy()
    journey[lost] = len(journeys) + np.arange(len(lost))
    own = codes(f"JX{day:05d}-", np.arange(len(lost)), 7)
    columns = {item.name: getattr(events, item.name) for item in fields(events)} | {"journey": journey}
    return Events(**columns), pa.concat_arrays([journeys, own])


def in_order_of_arrival(events: Events) -> Events:
    """Sorted by the time they were received, ties by device and kind."""
    return events.take(np.lexsort((events.kind, events.device, events.at_ms + events.delay_ms)))
