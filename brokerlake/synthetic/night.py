"""All feeds of one trading day: rows per file, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from brokerlake.synthetic.advisers import Advisers
from brokerlake.synthetic.behaviour import MEAN_EVENTS, VisitModel, Visits, epoch_ms
from brokerlake.synthetic.behaviour_events import (
    Events,
    concat_events,
    in_order_of_arrival,
    order_events,
    prospect_events,
    registration_events,
    transfer_events,
    visit_events,
    with_abandoned_journeys,
)
from brokerlake.synthetic.behaviour_logins import login_rows
from brokerlake.synthetic.behaviour_rows import EventRows, arrival_hours
from brokerlake.synthetic.day_dates import DayDates
from brokerlake.synthetic.formats import FEEDS
from brokerlake.synthetic.market import Market
from brokerlake.synthetic.marketing import Clicks, Marketing
from brokerlake.synthetic.people import People
from brokerlake.synthetic.people_feed import CustomerFeed
from brokerlake.synthetic.population import Population
from brokerlake.synthetic.service import Service

HOURLY_FROM = 50_000  # a night with more events comes in hourly files
LEAST_FACTOR = 0.02


@dataclass(frozen=True)
class FeedPart:
    """One file to be: its feed, kind of delivery, name and rows."""

    feed: str
    kind: str
    name: str
    rows: pa.Table


class Broker:
    """Everything around the books: people, marketing, service, behaviour; any day on its own."""

    def __init__(self, population: Population, customers: int, seed: int, trading_dates: list[date], market: Market):
        dates = DayDates(trading_dates)
        self.population, self.seed, self.dates, self.market = population, seed, dates, market
        self.people = People(population, seed)
        self.advisers = Advisers(population, customers, seed, dates)
        self.marketing = Marketing(population, customers, seed, dates)
        self._customers = CustomerFeed(self.people, dates)
        self._service = Service(self.people, self.advisers, dates)
        self._visits = VisitModel(population, seed, dates)
        self._product_ids = pa.array(market.listed.product_id)

    def parts(self, day: int, books: Mapping[str, pa.Table], events_per_day: int | None) -> Iterator[FeedPart]:
        """The files of the night, feed by feed in the order of FEEDS, one in memory at a time where they are large."""
        clicks = self.marketing.clicks(day)
        factor = self._factor(day, books["trading_orders"], events_per_day)
        visits = self._visits.visits(day, factor)
        simple = {
            "trading_logins": lambda: (login_rows(self.people, self._visits, self.dates, day, visits, factor), "facts"),
            "market_products": lambda: (self.market.products(day), "snapshot"),
            "market_quotes": lambda: (self.market.quotes(day), "facts"),
            "market_corporate_actions": lambda: (self.market.corporate_actions(day), "facts"),
            "crm_customers": lambda: self._customers.rows(day),
            "crm_branches": lambda: (self.advisers.branch_rows(), "snapshot"),
            "crm_advisers": lambda: (self.advisers.adviser_rows(day), "snapshot"),
            "crm_adviser_book": lambda: self.advisers.book_rows(day),
            "crm_contacts": lambda: (self._service.rows(day), "facts"),
            "channel_ad_plans": lambda: self.marketing.plan_rows(day),
            "channel_clicks": lambda: (self.marketing.click_rows(clicks, day), "facts"),
        }
        for feed in FEEDS:
            if feed in books:
                yield FeedPart(feed, _kind(feed, books[feed]), feed + FEEDS[feed].suffix, books[feed])
            elif feed in simple:
                rows, kind = simple[feed]()
                yield FeedPart(feed, kind, feed + FEEDS[feed].suffix, rows)
            elif feed == "channel_ad_spend":
                online, offline = self.marketing.spend_rows(clicks, day)
                yield FeedPart(feed, "facts", "online.csv", online)
                yield FeedPart(feed, "facts", "offline.xlsx", offline)
            else:
                yield from self._event_files(day, visits, clicks, books)

    def _factor(self, day: int, orders: pa.Table, events_per_day: int | None) -> float:
        """What the customers' usual visits are multiplied with to reach the wanted number of events."""
        if events_per_day is None:
            return 1.0
        steps = 3 * (len(orders) - orders["journey_id"].null_count)
        usual = float(self._visits.rates(day)[1].sum()) * MEAN_EVENTS
        return max((events_per_day - steps) / max(usual, 1.0), LEAST_FACTOR)

    def _event_files(
        self, day: int, visits: Visits, clicks: Clicks, books: Mapping[str, pa.Table]
    ) -> Iterator[FeedPart]:
        events, journeys = self._events(day, visits, clicks, books)
        maker = EventRows(self.people, day, self._product_ids, journeys)
        stamp = self.dates.trading_dates[day].strftime("%Y%m%d")
        stretches = arrival_hours(events) if len(events) > HOURLY_FROM else [(f"{stamp}-00", 0, len(events))]
        for stem, first, last in stretches:
            name = f"events-{stem}{FEEDS['web_events'].suffix}"
            yield FeedPart("web_events", "facts", name, maker.rows(events, first, last))

    def _events(
        self, day: int, visits: Visits, clicks: Clicks, books: Mapping[str, pa.Table]
    ) -> tuple[Events, pa.Array]:
        """The night's events in order of arrival, and the journeys they name."""
        steps, journeys = order_events(self.seed, day, books["trading_orders"], self._product_ids)
        midnight = epoch_ms(self.dates.trading_dates[day])
        events = concat_events(
            [
                steps,
                visit_events(self.seed, day, visits),
                transfer_events(self.seed, day, books["trading_cash_flows"]),
                registration_events(self.seed, day, self.population, midnight),
                prospect_events(self.seed, day, clicks),
            ]
        )
        in_time = events.at_ms + events.delay_ms < midnight + 86_400_000  # the extract is cut at the end of the day
        events, journeys = with_abandoned_journeys(events.take(in_time), day, journeys)
        return in_order_of_arrival(events), journeys


def _kind(feed: str, rows: pa.Table) -> str:
    """A delivery of a change feed that brings snapshot rows is a snapshot."""
    is_snapshot = FEEDS[feed].delivery == "changes" and "S" in rows["op"].unique().to_pylist()
    return "snapshot" if is_snapshot else FEEDS[feed].delivery
