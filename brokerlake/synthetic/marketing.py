"""Ad plans of different quality, what they cost, who clicked, and which plan won each customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from brokerlake.synthetic.change_log import ChangeLog, is_snapshot_day
from brokerlake.synthetic.columns import codes, decimals, picked
from brokerlake.synthetic.day_dates import DayDates, times_of
from brokerlake.synthetic.devices import device_ids, ip_texts, phone_keys
from brokerlake.synthetic.draws import NEVER, hashed_uniform, stream
from brokerlake.synthetic.formats import FEEDS
from brokerlake.synthetic.population import Population

Indexes = NDArray[np.int64]


@dataclass(frozen=True)
class AdPlan:
    """One ad plan.

    Attributes:
        quality: chance that a click becomes a registration, relative to the average.
        clicks: clicks per natural day for 2,000 customers; 0 for offline media.
        cost: CNY a click; for offline media CNY a day.
        first_day: first trading day; negative before the history.
        last_day: last trading day planned.
    """

    channel: str
    labels: str
    quality: float
    clicks: float
    cost: float
    first_day: int = -90
    last_day: int = NEVER
    is_online: bool = True


PLANS = (
    AdPlan("search", "品牌词;开户", 2.5, 3.0, 9.0),
    AdPlan("search", "竞品词", 1.4, 3.0, 14.0),
    AdPlan("search", "通用词;炒股入门", 0.8, 5.0, 6.0),
    AdPlan("app_store", "应用商店", 1.8, 4.0, 8.0),
    AdPlan("feed", "信息流;理财", 0.7, 8.0, 3.5),
    AdPlan("feed", "信息流;低佣", 1.0, 6.0, 4.0, 60),
    AdPlan("short_video", "短视频;达人", 0.35, 12.0, 1.8),
    AdPlan("short_video", "短视频;直播", 0.6, 8.0, 2.5, 150, 330),
    AdPlan("wechat", "公众号;投教", 1.6, 2.0, 5.0),
    AdPlan("wechat", "朋友圈", 0.5, 5.0, 4.5, 20, 200),
    AdPlan("media_site", "财经门户;资讯", 1.1, 3.0, 5.0),
    AdPlan("media_site", "羊毛党聚集", 0.05, 9.0, 1.0, 100, 260),
    AdPlan("outdoor", "地铁灯箱", 0.0, 0.0, 700.0, -20, 300, False),
    AdPlan("bank_branch", "银行网点驻点", 0.0, 0.0, 260.0, -90, NEVER, False),
    AdPlan("roadshow", "社区投教活动", 0.0, 0.0, 180.0, 40, NEVER, False),
)
REBATES = {"search": 8, "feed": 10, "short_video": 12}  # percent of spend
ORGANIC_SHARE = 0.4


@dataclass(frozen=True)
class Clicks:
    """Ad clicks of one night: entries in order of time.

    Attributes:
        device: device key; negative for prospects.
        customer: customer index of somebody about to register, -1 for a prospect.
        second: seconds since the beginning of `natural_date`.
    """

    plan: Indexes
    device: Indexes
    customer: Indexes
    natural_date: NDArray[np.datetime64]
    second: Indexes


class Marketing:
    """The marketing side of the house, by trading day."""

    def __init__(self, population: Population, customers: int, seed: int, dates: DayDates):
        self._population, self._seed, self._dates = population, seed, dates
        self._scale = customers / 2000
        self._first, self._last = (np.array([getattr(p, name) for p in PLANS]) for name in ("first_day", "last_day"))

    @property
    def plan_ids(self) -> list[str]:
        """'P001' for the first plan."""
        return [f"P{number + 1:03d}" for number in range(len(PLANS))]

    @cached_property
    def acquisition(self) -> Indexes:
        """Per customer the plan that won them, -1 for those who came by themselves or before the history."""
        customer = np.arange(len(self._population.customer_no), dtype=np.int64)
        weight = np.array([plan.quality * plan.clicks + (0 if plan.is_online else 2.0) for plan in PLANS])
        registered = self._population.registered_day[:, None]
        active = (self._first[None, :] <= registered) & (registered <= self._last[None, :])
        cumulated = (active * weight).cumsum(axis=1)
        target = hashed_uniform(self._seed, "acquisition", customer) * cumulated[:, -1]
        plan = (cumulated <= target[:, None]).sum(axis=1)
        organic = hashed_uniform(self._seed, "organic", customer) < ORGANIC_SHARE
        return np.where(organic | (self._population.registered_day < 0), -1, plan).astype(np.int64)

    def clicks(self, day: int) -> Clicks:
        """All clicks of the night of `day`: future customers' on the day they register, prospects' and idle ones."""
        draw, columns = stream(self._seed, "clicks", day), []
        online = np.array([plan.is_online for plan in PLANS])
        future = np.flatnonzero((self._population.registered_day == day) & (self.acquisition >= 0))
        future = future[online[self.acquisition[future]]]
        own = self._dates.dates(np.full(len(future), day))
        second = (hashed_uniform(self._seed, "registers-at", future) * 43_200).astype(np.int64) + 32_400 - 900
        columns.append((self.acquisition[future], phone_keys(self._seed, future, day), future, own, second))
        running = (self._first <= day) & (day <= self._last)
        rate = np.array([plan.clicks for plan in PLANS]) * running * self._scale
        made = 0
        for natural in self._dates.natural_dates(day):
            plan = np.repeat(np.arange(len(PLANS)), draw.poisson(rate))
            key = -(np.int64(day + 1) * 10_000_000 + made + np.arange(len(plan), dtype=np.int64))
            made += len(plan)
            at = (draw.beta(2.2, 1.6, len(plan)) * 86_000).astype(np.int64)
            columns.append((plan, key, np.full(len(plan), -1), np.full(len(plan), np.datetime64(natural)), at))
        joined = [np.concatenate(part) for part in zip(*columns, strict=True)]
        order = np.lexsort((joined[1], joined[4], joined[3]))
        return Clicks(*(column[order] for column in joined))

    def click_rows(self, clicks: Clicks, day: int) -> pa.Table:
        """channel_clicks."""
        uniform = hashed_uniform(self._seed, "click-ip", clicks.device)
        return pa.table(
            {
                "click_id": codes("K", day * 1_000_000 + np.arange(len(clicks.plan)), 10),
                "ad_plan_id": picked(self.plan_ids, clicks.plan),
                "device_id": device_ids(self._seed, clicks.device),
                "ip": ip_texts(self._seed, clicks.device, uniform),
                "clicked_at": times_of(clicks.natural_date, clicks.second),
            }
        )

    def spend_rows(self, clicks: Clicks, day: int) -> tuple[pa.Table, pa.Table]:
        """channel_ad_spend of online media (two creatives a plan) and of offline media."""
        naturals = self._dates.natural_dates(day)
        running = np.flatnonzero((self._first <= day) & (day <= self._last))
        date_index, plan, creative = (
            column.ravel() for column in np.meshgrid(np.arange(len(naturals)), running, [0, 1], indexing="ij")
        )
        place = np.searchsorted(np.array(naturals, dtype="datetime64[D]"), clicks.natural_date)
        side = (hashed_uniform(self._seed, "creative", clicks.device) < 0.4).astype(np.int64)
        counted = np.zeros((len(naturals), len(PLANS), 2), dtype=np.int64)
        np.add.at(counted, (place, clicks.plan, side), 1)
        clicked = counted[date_index, plan, creative]
        online = np.array([item.is_online for item in PLANS])[plan]
        rows = self._spend_table(naturals, date_index, plan, creative, clicked)
        return rows.filter(pa.array(online)), rows.filter(pa.array(~online & (creative == 0)))

    def _spend_table(
        self, naturals: list[date], date_index: Indexes, plan: Indexes, creative: Indexes, clicked: Indexes
    ) -> pa.Table:
        ordinal = np.array([item.toordinal() for item in naturals])[date_index]
        noise = hashed_uniform(self._seed, "spend", ordinal, plan * 2 + creative)
        online = np.array([item.is_online for item in PLANS])[plan]
        cents = np.array([round(item.cost * 100) for item in PLANS])[plan]
        spend = np.where(online, clicked * cents * (0.8 + 0.4 * noise), cents * self._scale).astype(np.int64)
        shown = np.where(online, clicked * (40 + 60 * noise), 800 * self._scale).astype(np.int64)
        percent = np.array([REBATES.get(item.channel, 0) for item in PLANS])[plan]
        columns = {
            "spend_date": pa.array(np.array(naturals, dtype="datetime64[D]")[date_index]),
            "channel": picked([item.channel for item in PLANS], plan),
            "ad_plan_id": picked(self.plan_ids, plan),
            "creative_id": codes("CR", plan * 10 + creative + 1, 4),
            "impressions": pa.array(shown),
            "reach": pa.array((shown * 0.7).astype(np.int64)),
            "clicks": pa.array(clicked),
            "spend": decimals(spend, 2),
            "rebate": decimals(spend * percent // 100, 2),
            "currency": pa.array(np.full(len(plan), "CNY")),
        }
        return pa.table({name: columns[name] for name in FEEDS["channel_ad_spend"].columns})

    @cached_property
    def _log(self) -> ChangeLog:
        plan = np.arange(len(PLANS), dtype=np.int64)
        relabelled = 30 + (hashed_uniform(self._seed, "relabelled", plan) * 300).astype(np.int64)
        days = np.concatenate([self._first, np.where(relabelled > self._first, relabelled, NEVER)])
        return ChangeLog(days.astype(np.int64), np.tile(plan, 2))

    def plan_rows(self, day: int) -> tuple[pa.Table, str]:
        """channel_ad_plans and its kind (`changes` or `snapshot`)."""
        if is_snapshot_day(day):
            plan, position = self._log.snapshot(day)
            return self._plan_table(plan, position, np.full(len(plan), "S")), "snapshot"
        plan, position = self._log.changes(day)
        return self._plan_table(plan, position, np.where(self._first[plan] == day, "I", "U")), "changes"

    def _plan_table(self, plan: Indexes, position: Indexes, op: NDArray[np.str_]) -> pa.Table:
        changed = self._log.days[position]
        changed = np.where(changed < 0, self._first[plan], changed)
        tested = changed > self._first[plan]
        labels = [
            PLANS[p].labels + (";新素材" if t else "") for p, t in zip(plan.tolist(), tested.tolist(), strict=True)
        ]
        planned_end = self._dates.dates(self._first[plan]) + np.timedelta64(365, "D")
        ends = np.where(self._last[plan] < NEVER, planned_end, np.datetime64("NaT", "D"))
        columns = {
            "change_seq": pa.array(position + 1),
            "op": pa.array(op.tolist(), pa.string()),
            "ad_plan_id": picked(self.plan_ids, plan),
            "campaign_id": codes("CP", plan // 4 + 1, 3),
            "channel": picked([item.channel for item in PLANS], plan),
            "labels": pa.array(labels, pa.string()),
            "landing_page": picked([f"https://open.example.com/p{n + 1}" for n in range(len(PLANS))], plan),
            "starts_on": self._dates.date32(self._first[plan]),
            "ends_on": pa.array(ends),
            "changed_at": times_of(self._dates.dates(changed), np.full(len(plan), 36_000)),
        }
        return pa.table({name: columns[name] for name in FEEDS["channel_ad_plans"].columns})
