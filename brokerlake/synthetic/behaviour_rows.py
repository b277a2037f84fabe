"""Events as rows of web_events: identifiers, texts of times, properties as JSON, a stretch of events at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from brokerlake.synthetic.behaviour_events import EVENTS, Events
from brokerlake.synthetic.columns import codes, picked
from brokerlake.synthetic.devices import PLATFORMS, device_ids, ip_texts, platform_codes
from brokerlake.synthetic.draws import hashed_uniform
from brokerlake.synthetic.formats import FEEDS
from brokerlake.synthetic.people import CITIES, People

Indexes = NDArray[np.int64]

KEYWORDS = (
    *("半导体", "红利", "国债逆回购", "货币基金", "打新", "可转债", "创业板", "新能源", "银行股", "黄金ETF", "沪深300"),
    *("医药", "佣金", "怎么开户", "融资融券", "定投", "怎么销户", "转账限额", "风险测评", "分红"),
)
FEATURES = np.array(["home", "quotes", "holdings", "news", "funds", "mine", "ranking", "calendar", "learning"])
SLOTS = ("home_top", "home_mid", "funds_top", "mine_bottom")
PHONE_IN_KEYWORD = 0.002  # people type phone numbers into the search box
_DURATION = frozenset(EVENTS) - {"app_launch", "login", "register_phone", "open_account_done"}
_WITH_PRODUCT = frozenset({"product_view", "watchlist_add"})
_CONTENT = frozenset({"banner_view", "banner_click", "community_post", "community_view"})
_DATE_MS = 86_400_000


@dataclass(frozen=True)
class EventRows:
    """Makes the rows of one night.

    Attributes:
        product_ids: what can be looked at.
        journeys: journey_ids by Events.journey.
    """

    people: People
    day: int
    product_ids: pa.Array
    journeys: pa.Array

    def rows(self, events: Events, first: int, last: int) -> pa.Table:
        """web_events of events[first:last] (in order of arrival), with the hidden column `_customer`."""
        part = events.take(np.arange(first, last))
        number = np.int64(self.day) * 100_000_000 + np.arange(first, last, dtype=np.int64)
        uniform = hashed_uniform(self.people.seed, "event", number)
        known = part.customer >= 0
        platform = platform_codes(self.people.seed, part.device)
        is_web = platform == 3
        customer = np.maximum(part.customer, 0).astype(np.int64)
        columns = {
            "event_id": codes("e", number, 13),
            "distinct_id": device_ids(self.people.seed, part.device),
            "login_id": picked(self.people.population.customer_no, customer, ~(known & part.is_logged_in)),
            "event": picked(EVENTS, part.kind.astype(np.int64)),
            "properties": self._properties(part, number),
            "occurred_at": iso_times(part.at_ms),
            "received_at": iso_times(part.at_ms + part.delay_ms),
            "app_id": picked(["stock_app", "web"], is_web.astype(np.int64)),
            "platform": picked(PLATFORMS, platform.astype(np.int64)),
            "app_version": picked(
                ["", f"8.{self.day // 40}.2", f"8.{self.day // 40}.0"], self._version(is_web, uniform)
            ),
            "ip": ip_texts(self.people.seed, part.device, uniform),
            "region": self._regions(part),
            "_customer": pa.array(part.customer),
        }
        return pa.table({name: columns[name] for name in (*FEEDS["web_events"].columns, "_customer")})

    @staticmethod
    def _version(is_web: NDArray[np.bool_], uniform: NDArray[np.float64]) -> Indexes:
        return np.where(is_web, 0, 1 + (uniform < 0.3))

    def _regions(self, part: Events) -> pa.Array:
        owner = np.where(part.customer >= 0, part.customer, 0).astype(np.int64)
        who, inverse = np.unique(owner, return_inverse=True)
        home = self.people.city_index(who, np.full(len(who), self.day))[inverse]
        strange = (hashed_uniform(self.people.seed, "region", part.device) * len(CITIES)).astype(np.int64)
        return picked(CITIES, np.where(part.customer >= 0, home, strange))

    def _properties(self, part: Events, number: Indexes) -> pa.Array:
        groups, made = [], []
        alike = 2 * part.kind + (part.duration_ms >= 0)
        for code in np.unique(alike).tolist():
            where = np.flatnonzero(alike == code)
            groups.append(where)
            made.append(self._of_kind(EVENTS[code // 2], bool(code % 2), part.take(where), number[where]))
        if not made:
            return pa.array([], pa.string())
        return pa.concat_arrays(made).take(pa.array(np.argsort(np.concatenate(groups), kind="stable")))

    def _of_kind(self, name: str, is_timed: bool, part: Events, number: Indexes) -> pa.Array:
        """The properties of events of one kind, with or without a duration, as the tracking plan names them."""
        pieces: list[pa.Array | str] = []

        def add(key: str, values: pa.Array, quote: str = '"') -> None:
            pieces.extend([("," if pieces else "") + f'"{key}":{quote}', values, quote])

        def uniform(salt: str) -> NDArray[np.float64]:
            return hashed_uniform(self.people.seed, salt, number)

        if is_timed and name in _DURATION:
            add("duration_ms", pa.array(part.duration_ms).cast(pa.string()), "")
        if name in ("page_view", "service_page"):
            add("feature_id", picked(FEATURES, (uniform("feature") ** 1.5 * len(FEATURES)).astype(np.int64)))
        if name == "search":
            add("keyword", self._keywords(part, number))
        if name in _WITH_PRODUCT or name.startswith("order_step"):
            add("product_id", self._products(part, uniform("product")))
        if name.startswith("order_step"):
            add("journey_id", self.journeys.take(pa.array(part.journey)))
        if name in _CONTENT:
            add("content_id", codes("N", (uniform("content") ** 2 * 400).astype(np.int64) + self.day, 6))
        if name.startswith("banner"):
            place = (uniform("slot") * len(SLOTS)).astype(np.int64)
            add("slot_id", picked(SLOTS, place))
            add("position", pa.array((uniform("position") ** 2 * 5).astype(np.int64) + 1).cast(pa.string()), "")
        text = pc.binary_join_element_wise("{", *pieces, "}", "") if pieces else pa.array(["{}"] * len(part))
        return self._recommended(text, uniform("strategy"), number) if name == "product_view" else text

    def _recommended(self, text: pa.Array, uniform: NDArray[np.float64], number: Indexes) -> pa.Array:
        """A quarter of the product views came from a recommendation."""
        strategy = picked(["S_hot", "S_similar", "S_collab"], (uniform * 12).astype(np.int64) % 3)
        pieces = [
            ',"strategy_id":"',
            strategy,
            '","recommendation_id":"',
            codes(f"r{self.day:05d}-", number % 100_000_000, 8),
            '"}',
        ]
        longer = pc.binary_join_element_wise(pc.utf8_slice_codeunits(text, 0, -1), *pieces, "")
        return pc.if_else(pa.array(uniform < 0.25), longer, text)

    def _products(self, part: Events, uniform: NDArray[np.float64]) -> pa.Array:
        popular = (uniform**3 * len(self.product_ids)).astype(np.int64)
        return self.product_ids.take(pa.array(np.where(part.product >= 0, part.product, popular)))

    def _keywords(self, part: Events, number: Indexes) -> pa.Array:
        luck = hashed_uniform(self.people.seed, "keyword", number)
        words = picked(KEYWORDS, (luck**1.4 * len(KEYWORDS)).astype(np.int64))
        typed = np.flatnonzero(
            (hashed_uniform(self.people.seed, "typed", number) < PHONE_IN_KEYWORD) & (part.customer >= 0)
        )
        if not len(typed):
            return words
        phones = self.people.phones(part.customer[typed].astype(np.int64), np.full(len(typed), self.day))
        texts = words.to_pylist()
        for place, phone in zip(typed.tolist(), phones.tolist(), strict=True):
            texts[place] = f"转账给{phone}"
        return pa.array(texts, pa.string())


_SECONDS = pa.array([f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}." for s in range(86_400)])
_MILLISECONDS = pa.array([f"{ms:03d}+08:00" for ms in range(1000)])


def iso_times(local_ms: Indexes) -> pa.Array:
    """`2024-10-21T09:30:01.123+08:00` per market-local millisecond since 1970."""
    days, inverse = np.unique(local_ms // _DATE_MS, return_inverse=True)
    dates = pa.array([f"{text}T" for text in days.astype("datetime64[D]").astype(str).tolist()], pa.string())
    rest = local_ms % _DATE_MS
    parts = (
        dates.take(pa.array(inverse)),
        _SECONDS.take(pa.array(rest // 1000)),
        _MILLISECONDS.take(pa.array(rest % 1000)),
    )
    return pc.binary_join_element_wise(*parts, "")


def arrival_hours(events: Events) -> list[tuple[str, int, int]]:
    """File stems (`YYYYMMDD-HH`) and the stretch of events received in that hour; events in order of arrival."""
    hours = (events.at_ms + events.delay_ms) // 3_600_000
    distinct, first = np.unique(hours, return_index=True)
    ends = [*first[1:].tolist(), len(hours)]
    stems = [str(hour).replace("-", "").replace("T", "-") for hour in distinct.astype("datetime64[h]")]
    return list(zip(stems, first.tolist(), ends, strict=True))
