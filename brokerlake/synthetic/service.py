"""crm_contacts: calls, visits, WeCom chats, the hotline, complaints, in the words people use."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from brokerlake.synthetic.advisers import Advisers
from brokerlake.synthetic.behaviour import epoch_ms, seconds_of_day
from brokerlake.synthetic.columns import codes, picked, with_nulls
from brokerlake.synthetic.day_dates import DayDates
from brokerlake.synthetic.draws import NEVER, stream
from brokerlake.synthetic.formats import FEEDS
from brokerlake.synthetic.identities import phone_numbers
from brokerlake.synthetic.people import People
from brokerlake.synthetic.population import CHURN_EXPLICIT, CHURN_HIDDEN, CLOSING_DAYS

KINDS = ("call", "visit", "wecom", "hotline", "complaint")
CALL, VISIT, WECOM, HOTLINE, COMPLAINT = range(5)
TOPICS = ("market", "product", "fee", "system", "transfer", "close_account", "service", "suitability")
CLOSING = TOPICS.index("close_account")
TEXTS = {
    "market": ("客户询问近期大盘走势,已介绍市场观点", "沟通持仓板块情况,客户表示再观察"),
    "product": ("介绍稳健型理财产品,客户愿意了解", "客户咨询基金定投的起投金额"),
    "fee": ("客户询问佣金费率,希望下调", "反映手续费高于其他券商"),
    "system": ("反映开盘时软件卡顿,无法登录", "行情刷新慢,要求处理"),
    "transfer": ("咨询银证转账限额和到账时间", "转账失败,请协助核实"),
    "close_account": ("来电咨询如何销户,需要准备哪些材料", "客户要求注销账户,已告知流程"),
    "service": ("对服务态度不满意,要求更换客户经理", "感谢客户经理的耐心讲解"),
    "suitability": ("提醒客户风险测评即将到期", "客户询问风险等级与产品不匹配的原因"),
}
STRANGER_PHONES = 50  # phones of callers who are no customers
PHONE_IN_TEXT_SHARE = 0.04
_RATE = np.array([0.010, 0.008, 0.006, 0.004, 0.0015, 0.035])  # contacts a trading day, by persona
Indexes = NDArray[np.int64]


def stranger_phones(customers: int) -> NDArray[np.str_]:
    """Phones of callers who are no customers."""
    return phone_numbers(customers + np.arange(STRANGER_PHONES, dtype=np.int64), np.zeros(STRANGER_PHONES, np.int64))


class Service:
    """Contacts by trading day."""

    def __init__(self, people: People, advisers: Advisers, dates: DayDates):
        self._people, self._advisers, self._dates = people, advisers, dates

    def _unrest(self, customer: Indexes, day: int) -> NDArray[np.int64]:
        """0 calm, 1 about to go quiet, 2 about to close."""
        people = self._people.population
        to_go = people.churn_day[customer].astype(np.int64) - day
        soon = (to_go <= 25) & (to_go > -CLOSING_DAYS)
        return np.where(
            soon, np.select([people.churn_kind[customer] == k for k in (CHURN_HIDDEN, CHURN_EXPLICIT)], [1, 2], 0), 0
        )

    def rows(self, day: int) -> pa.Table:
        """crm_contacts of the night, in order of time, with the hidden column `_customer`."""
        draw = stream(self._people.seed, "contacts", day)
        population = self._people.population
        customer = population.customers_open(day)
        gone = np.where(population.churn_kind == CHURN_EXPLICIT, population.churn_day + CLOSING_DAYS, NEVER)
        customer = customer[gone[customer] > day]
        rate = _RATE[population.persona[customer]] * np.array([1.0, 4.0, 12.0])[self._unrest(customer, day)]
        who, at = [], []
        for natural in self._dates.natural_dates(day):
            is_trading = natural == self._dates.trading_dates[day]
            some = np.repeat(customer, draw.poisson(rate * (1.0 if is_trading else 0.15)))
            second = np.clip(seconds_of_day(draw.random(len(some)), is_trading), 29_000, 70_000)
            who.append(some)
            at.append(epoch_ms(natural) // 1000 + second)
        everybody, started = np.concatenate(who), np.concatenate(at)
        order = np.lexsort((everybody, started))
        return self._table(draw, day, everybody[order], started[order])

    def _table(self, draw: np.random.Generator, day: int, who: Indexes, started: Indexes) -> pa.Table:
        size, unrest = len(who), self._unrest(who, day)
        usual, tense = [0.38, 0.06, 0.30, 0.24, 0.02], [0.15, 0.05, 0.15, 0.40, 0.25]
        luck = draw.random(size)[:, None]
        kind = (luck > np.where(unrest[:, None] > 0, np.cumsum(tense), np.cumsum(usual))).sum(axis=1).clip(0, 4)
        topic = draw.choice([0, 1, 2, 3, 4, 6, 7], size, p=[0.25, 0.25, 0.12, 0.12, 0.12, 0.06, 0.08])
        topic = np.where((kind == COMPLAINT) & np.isin(topic, [0, 1, 7]), 6, topic)
        wants_out = (unrest == 2) & (draw.random(size) < 0.5) | (unrest == 1) & (draw.random(size) < 0.12)
        topic = np.where(wants_out & np.isin(kind, [CALL, HOTLINE, WECOM]), CLOSING, topic)
        inward = np.isin(kind, [HOTLINE, COMPLAINT]) | (draw.random(size) < 0.3)
        answered = draw.random(size) < np.where(inward, 0.93, 0.7)
        reply = started + np.where(kind == WECOM, draw.integers(30, 5400, size), draw.integers(3, 90, size))
        resolved = answered & inward & (draw.random(size) < 0.9)
        rated = answered & inward & (draw.random(size) < 0.35)
        score = np.clip(np.round(draw.normal(4.3, 0.8, size) - 1.5 * (kind == COMPLAINT)), 1, 5).astype(np.int64)
        by_phone = (kind == HOTLINE) & (draw.random(size) < 0.1)
        stranger = (kind == HOTLINE) & (draw.random(size) < 0.05)
        adviser = np.where(np.isin(kind, [HOTLINE, COMPLAINT]), -1, self._advisers.service_adviser(who, day))
        phones = self._phones(draw, who, stranger, day)
        columns = {
            "contact_id": codes("CT", np.int64(day) * 100_000 + np.arange(size), 10),
            "customer_no": picked(self._people.population.customer_no, who, by_phone | stranger),
            "phone": with_nulls(pa.array(phones.tolist(), pa.string()), kind == VISIT),
            "adviser_id": picked(self._advisers.adviser_ids, np.maximum(adviser, 0), adviser < 0),
            "kind": picked(KINDS, kind),
            "direction": picked(["out", "in"], inward.astype(np.int64)),
            "topic": picked(TOPICS, topic),
            "text": pa.array(self._texts(draw, topic, phones), pa.string()),
            "started_at": _texts_of(started),
            "answered_at": with_nulls(_texts_of(reply), ~answered),
            "resolved_at": with_nulls(_texts_of(reply + draw.integers(60, 9000, size)), ~resolved),
            "satisfaction": with_nulls(pa.array(score), ~rated),
            "_customer": pa.array(np.where(stranger, -1, who)),
        }
        return pa.table({name: columns[name] for name in (*FEEDS["crm_contacts"].columns, "_customer")})

    def _phones(
        self, draw: np.random.Generator, who: Indexes, stranger: NDArray[np.bool_], day: int
    ) -> NDArray[np.str_]:
        strangers = stranger_phones(len(self._people.index))
        known = self._people.phones(who, np.full(len(who), day))
        return np.where(stranger, strangers[draw.integers(0, len(strangers), len(who))], known)

    def _texts(self, draw: np.random.Generator, topic: Indexes, phones: NDArray[np.str_]) -> list[str]:
        """The notes; a few hold the phone number, as notes do."""
        variant, leaks = draw.integers(0, 2, len(topic)), draw.random(len(topic)) < PHONE_IN_TEXT_SHARE
        notes = [TEXTS[TOPICS[t]][v] for t, v in zip(topic.tolist(), variant.tolist(), strict=True)]
        return [
            f"{note},请回拨{phone}" if leak else note
            for note, phone, leak in zip(notes, phones.tolist(), leaks.tolist(), strict=True)
        ]


def _texts_of(seconds: Indexes) -> pa.Array:
    return pa.array(seconds).cast(pa.timestamp("s")).cast(pa.string())
