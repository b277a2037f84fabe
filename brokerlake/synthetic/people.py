"""What the CRM knows of each customer, and on which trading days it changes.

Everything is a function of (population, seed): no day needs the day before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from brokerlake.synthetic import identities, risk_tests
from brokerlake.synthetic.draws import NEVER, hashed_uniform
from brokerlake.synthetic.population import CHURN_EXPLICIT, CHURN_HIDDEN, Population, branch_ids

CITIES = (
    *("上海", "北京", "深圳", "广州", "杭州", "成都", "南京", "武汉", "苏州", "重庆", "西安", "长沙", "宁波", "青岛"),
    *(
        "郑州",
        "济南",
        "合肥",
        "福州",
        "厦门",
        "无锡",
        "天津",
        "沈阳",
        "大连",
        "昆明",
        "南昌",
        "哈尔滨",
        "石家庄",
        "太原",
    ),
)
OCCUPATIONS = (
    *("企业职员", "私营业主", "退休人员", "公务员", "教师", "工程师", "医务人员", "金融从业者", "自由职业", "学生"),
    *("农林牧渔", "其他"),
)
EDUCATION = ("初中及以下", "高中", "大专", "本科", "硕士", "博士")
INCOME_BANDS = ("10万以下", "10-20万", "20-50万", "50-100万", "100万以上")
OPENED_CHANNELS = np.array(["app", "branch", "partner", "referral"])
RISK_LEVELS = np.array(["C1_lowest", "C1", "C2", "C3", "C4", "C5"])
HORIZONS = np.array(["under_1y", "1y_to_5y", "over_5y"])
VARIETIES = np.array(["fixed_income", "fund", "stock", "all"])
PERSON, ORGANISATION, PRODUCT = range(3)
KINDS = np.array(["person", "organisation", "product"])
_RISK_TURNS = tuple(f"risk_{turn}" for turn in risk_tests.TURNS)
CHANGES = ("opened", "phone_1", "phone_2", "id_renewed", "city", "occupation", *_RISK_TURNS, "brokers")
_MEAN_DAYS = {"phone_1": 2500.0, "phone_2": 2500.0, "city": 6000.0, "occupation": 4000.0}


def _uniform_pick(seed: int, name: str, keys: NDArray[np.int64], choices: tuple[str, ...], skew: float = 1.0):
    pool = np.array(choices)
    return pool[(hashed_uniform(seed, name, keys) ** skew * len(pool)).astype(np.int64)]


@dataclass(frozen=True)
class People:
    """The CRM's view of a population; arrays have one entry per customer."""

    population: Population
    seed: int

    @cached_property
    def index(self) -> NDArray[np.int64]:
        """0 … n-1."""
        return np.arange(len(self.population.customer_no), dtype=np.int64)

    def uniform(self, name: str) -> NDArray[np.float64]:
        """A fixed number in [0, 1) per customer."""
        return hashed_uniform(self.seed, name, self.index)

    @cached_property
    def kind(self) -> NDArray[np.int64]:
        """Index into KINDS; one in a hundred is no person."""
        return np.searchsorted([0.988, 0.998], self.uniform("kind"), side="right")

    @cached_property
    def is_male(self) -> NDArray[np.bool_]:
        """True for men; meaningless for organisations."""
        return self.uniform("gender") < 0.54

    @cached_property
    def birth_date(self) -> NDArray[np.datetime64]:
        """So that nobody opened an account before the age of 19."""
        years_here = np.maximum(-self.population.opened_day, 0) / 250
        age = 20 + years_here + 50 * self.uniform("age") ** 1.6
        return np.datetime64("2023-01-01") - (age * 365.25).astype("timedelta64[D]")

    @cached_property
    def phone_owner(self) -> NDArray[np.int64]:
        """Whose phone a customer gave: three in a hundred gave that of a relative who is a customer as well."""
        shares = (self.uniform("shares-phone") < 0.03) & (self.index % 2 == 1)
        return np.where(shares, self.index - 1, self.index)

    @cached_property
    def change_days(self) -> dict[str, NDArray[np.int64]]:
        """Per kind of change the trading day it happens; NEVER where it does not."""
        opened = self.population.opened_day.astype(np.int64)
        start, days = np.maximum(opened, 0), {"opened": opened}
        for name, mean in _MEAN_DAYS.items():
            base = days["phone_1"] if name == "phone_2" else start
            days[name] = base + 1 + np.floor(-np.log1p(-self.uniform("change-" + name)) * mean).astype(np.int64)
        chances = [self.id_type == "id_card", self.id_type == "travel_permit"]
        renews = self.uniform("renews") < np.select(chances, [0.03, 0.5], 0.0)
        days["id_renewed"] = np.where(renews, start + 5 + (self.uniform("renewal") * 900).astype(np.int64), NEVER)
        tested = self._first_test
        for turn, name in zip(risk_tests.TURNS, _RISK_TURNS, strict=True):
            tested = risk_tests.next_test_days(self.seed, turn, tested)
            days[name] = np.where(tested > start, tested, NEVER)
        leaves = (self.population.churn_kind == CHURN_HIDDEN) & (self.uniform("tells-brokers") < 0.6)
        days["brokers"] = np.where(
            leaves, np.maximum(self.population.churn_day.astype(np.int64) - 10, start + 1), NEVER
        )
        gone = np.where(self.population.churn_kind == CHURN_EXPLICIT, self.population.churn_day.astype(np.int64), NEVER)
        return {
            name: day if name == "opened" else np.where((day < gone) & (day > opened), np.minimum(day, NEVER), NEVER)
            for name, day in days.items()
        }

    @cached_property
    def _first_test(self) -> NDArray[np.int64]:
        """Day of the newest risk test at the beginning."""
        return risk_tests.first_test_days(self.seed, self.population.opened_day.astype(np.int64))

    @cached_property
    def id_type(self) -> NDArray[np.str_]:
        """id_card, travel_permit, credit_code or product_code."""
        persons = np.where(self.uniform("permit") < 0.01, "travel_permit", "id_card")
        return np.select([self.kind == PERSON, self.kind == ORGANISATION], [persons, "credit_code"], "product_code")

    def _since(self, change: str, customer: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
        return (self.change_days[change][customer] <= day).astype(np.int64)

    def phones(self, customer: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.str_]:
        """The phone of each customer on its day."""
        owner = self.phone_owner[customer]
        version = self._since("phone_1", owner, day) + self._since("phone_2", owner, day)
        return identities.phone_numbers(owner, version)

    def id_numbers(self, customer: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.str_]:
        """The ID number of each customer on its day: renewal turns 15 digits into 18, a permit into its next issue."""
        renewed = self._since("id_renewed", customer, day)
        full = identities.id_numbers(customer, self.birth_date[customer], self.is_male[customer])
        had_old = (self.change_days["id_renewed"][customer] < NEVER) & (renewed == 0)
        cards = np.where(had_old, identities.old_id_numbers(full), full)
        kind = self.id_type[customer]
        codes = identities.credit_codes(customer)
        products = np.char.add("S9X", identities.zero_padded(customer, 7))
        return np.select(
            [kind == "id_card", kind == "travel_permit", kind == "credit_code"],
            [cards, identities.permit_numbers(customer, renewed), codes],
            products,
        )

    def city_index(self, customer: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index into CITIES."""
        moved = self._since("city", customer, day)
        return (hashed_uniform(self.seed, "city", customer, moved) ** 1.5 * len(CITIES)).astype(np.int64)

    @cached_property
    def names(self) -> NDArray[np.str_]:
        """Person, company or product names; a name never changes."""
        first_city = np.array(CITIES)[self.city_index(self.index, np.full(len(self.index), -(10**6)))]
        persons = identities.person_names(self.seed, self.index, self.is_male)
        companies = identities.company_names(self.seed, self.index, first_city)
        products = np.char.add(companies.astype("U6"), "私募证券投资基金")
        return np.select([self.kind == PERSON, self.kind == ORGANISATION], [persons, companies], products)

    def profile(self, customer: NDArray[np.int64], day: NDArray[np.int64]) -> dict[str, NDArray]:
        """The CRM's columns (texts; '' = null) of each customer on its day, dates as day indexes in `_tested_day`."""
        jobs = hashed_uniform(self.seed, "job", customer, self._since("occupation", customer, day))
        wealth = np.log10(self.population.wealth[customer])
        band = np.clip((wealth - 4 + hashed_uniform(self.seed, "income", customer)).astype(np.int64), 0, 4)
        is_person = self.kind[customer] == PERSON
        brokers = np.floor(hashed_uniform(self.seed, "brokers", customer) * 2.6).astype(np.int64)
        risk_level = self.risk_levels(customer, day)
        return {
            "customer_no": self.population.customer_no[customer],
            "customer_kind": KINDS[self.kind[customer]],
            "name": self.names[customer],
            "id_type": self.id_type[customer],
            "id_number": self.id_numbers(customer, day),
            "phone": self.phones(customer, day),
            "email": self._emails(customer),
            "birth_date": np.where(is_person, self.birth_date[customer].astype(str), ""),
            "gender": np.where(is_person, np.where(self.is_male[customer], "M", "F"), ""),
            "city": np.array(CITIES)[self.city_index(customer, day)],
            "occupation": np.where(is_person, np.array(OCCUPATIONS)[(jobs * len(OCCUPATIONS)).astype(int)], ""),
            "education": np.where(is_person, _uniform_pick(self.seed, "education", customer, EDUCATION, 0.8), ""),
            "income_band": np.array(INCOME_BANDS)[band],
            "risk_level": RISK_LEVELS[risk_level],
            "horizon": _uniform_pick(self.seed, "horizon", customer, tuple(HORIZONS)),
            "variety": VARIETIES[np.clip(risk_level - 1, 0, 3)],
            "investor_class": self._investor_class(customer),
            "branch_id": branch_ids(self.population.branch[customer]),
            "opened_channel": OPENED_CHANNELS[
                np.searchsorted([0.7, 0.85, 0.93], hashed_uniform(self.seed, "opened-by", customer))
            ],
            "wecom_id": self._wecom_ids(customer),
            "other_broker_accounts": (brokers + self._since("brokers", customer, day)).astype(str),
            "_tested_day": self.tested_day(customer, day),
            "_brokers_day": np.where(
                self._since("brokers", customer, day) == 1,
                self.change_days["brokers"][customer],
                self.population.opened_day[customer],
            ),
        }

    def tested_day(self, customer: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
        """Day of the newest risk test by `day`."""
        newest = self._first_test[customer]
        for name in _RISK_TURNS:
            tested = self.change_days[name][customer]
            newest = np.where(tested <= day, tested, newest)
        return newest

    def risk_levels(self, customer: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index into RISK_LEVELS by `day`: the population's level, moved by every test since."""
        level = self.population.risk_level[customer].astype(np.int64)
        for turn, name in zip(risk_tests.TURNS, _RISK_TURNS, strict=True):
            move = risk_tests.level_moves(self.seed, turn, customer) * self._since(name, customer, day)
            level = np.clip(level + move, 0, risk_tests.HIGHEST_LEVEL)
        return level

    def _emails(self, customer: NDArray[np.int64]) -> NDArray[np.str_]:
        has = hashed_uniform(self.seed, "has-mail", customer) < 0.6
        return np.where(has, identities.mail_addresses(self.seed, customer), "")

    def _wecom_ids(self, customer: NDArray[np.int64]) -> NDArray[np.str_]:
        has = hashed_uniform(self.seed, "has-wecom", customer) < 0.45
        return np.where(has, identities.hex_codes(self.seed, "wecom", customer, "wm"), "")

    def _investor_class(self, customer: NDArray[np.int64]) -> NDArray[np.str_]:
        rich = self.population.wealth[customer] >= 5e6
        applied = hashed_uniform(self.seed, "professional", customer) < 0.5
        return np.where((rich & applied) | (self.kind[customer] != PERSON), "professional", "ordinary")
