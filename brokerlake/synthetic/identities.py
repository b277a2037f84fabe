"""Names, ID numbers, phones, e-mails that look right and can belong to nobody.

ID numbers begin with area 99, which no place has, and end with the right check digit. Phones are eleven digits that
begin with 125-129: no mobile prefix is assigned there. Mail domains are reserved ones (RFC 2606), addresses of the
network 198.18.0.0/15 are reserved for measurements (RFC 2544).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brokerlake.synthetic.draws import hashed_uniform

Texts = NDArray[np.str_]
Indexes = NDArray[np.int64]

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹"
    "彭曾萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金"
)
PINYIN = (
    *("wang", "li", "zhang", "liu", "chen", "yang", "huang", "zhao", "wu", "zhou", "xu", "sun", "ma", "zhu", "hu"),
    *("guo", "he", "gao", "lin", "luo", "zheng", "liang", "xie", "song", "tang", "xu", "han", "feng", "deng", "cao"),
    *("peng", "zeng", "xiao", "tian", "dong", "yuan", "pan", "yu", "jiang", "cai", "yu", "du", "ye", "cheng", "su"),
    *("wei", "lv", "ding", "ren", "shen", "yao", "lu", "jiang", "cui", "zhong", "tan", "lu", "wang", "fan", "jin"),
)
GIVEN_MALE = "伟强磊军洋勇杰涛超明刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林阳建志国文博瑞晨轩睿毅峰成彬"
GIVEN_FEMALE = "芳娜敏静丽艳娟霞秀燕玲桂英梅莉兰洁云萍红玉婷雪慧颖琳晶倩妍欣怡佳雅梦琪涵璐蕾薇悦莹彤"
GIVEN_RARE = ("䶮", "㛃", "𬭎", "𠅤", "喆", "堃", "玥", "昇")
COMPANY_WORDS = ("恒远", "瑞丰", "中汇", "鼎信", "华泽", "嘉禾", "博睿", "启明", "安泰", "联创")
COMPANY_KINDS = ("投资管理有限公司", "科技有限公司", "贸易有限公司", "实业集团有限公司")
MAIL_DOMAINS = np.array(["example.com", "example.net", "example.org"])
_ID_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_CREDIT_WEIGHTS = np.array([1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28])
_CREDIT_DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_PHONE_PRIME = 499_999_993


def zero_padded(numbers: NDArray[np.integer], width: int) -> Texts:
    """Numbers below 10^width as `width` digits."""
    marked = (np.asarray(numbers, dtype=np.int64) + 10**width).astype(f"U{width + 1}")
    letters = np.ascontiguousarray(marked).view("U1").reshape(len(marked), width + 1)[:, 1:]
    return np.ascontiguousarray(letters).view(f"U{width}").reshape(len(marked))


def _pick(choices: str | tuple[str, ...], uniform: NDArray[np.float64]) -> Texts:
    pool = np.array(list(choices))
    return pool[(uniform * len(pool)).astype(np.int64)]


def surname_index(seed: int, customer: Indexes) -> Indexes:
    """Index into SURNAMES; the first ones are the frequent ones."""
    return (hashed_uniform(seed, "surname", customer) ** 1.8 * len(SURNAMES)).astype(np.int64)


def person_names(seed: int, customer: Indexes, is_male: NDArray[np.bool_]) -> Texts:
    """Surname and one or two given characters; one in a hundred has a rare character (4 bytes in GB18030)."""

    def given(name: str) -> Texts:
        uniform = hashed_uniform(seed, name, customer)
        return np.where(is_male, _pick(GIVEN_MALE, uniform), _pick(GIVEN_FEMALE, uniform))

    second = np.where(hashed_uniform(seed, "given-two", customer) < 0.8, given("given-second"), "")
    rare = hashed_uniform(seed, "given-rare", customer)
    second = np.where(rare < 0.01, _pick(GIVEN_RARE, (rare * 100) % 1.0), second)
    surnames = np.array(list(SURNAMES))[surname_index(seed, customer)]
    return np.char.add(np.char.add(surnames, given("given-first")), second)


def company_names(seed: int, customer: Indexes, cities: Texts) -> Texts:
    """City, fancy word, legal form."""
    word = _pick(COMPANY_WORDS, hashed_uniform(seed, "company-word", customer))
    form = _pick(COMPANY_KINDS, hashed_uniform(seed, "company-form", customer))
    return np.char.add(np.char.add(cities, word), form)


def _digits(texts: Texts, count: int, alphabet: str = "0123456789") -> NDArray[np.int64]:
    codes = np.ascontiguousarray(texts.astype(f"U{count}")).view(np.uint32).reshape(len(texts), count)
    lookup = np.zeros(128, dtype=np.int64)
    lookup[[ord(letter) for letter in alphabet]] = np.arange(len(alphabet))
    return lookup[codes]


def id_check_digits(first_seventeen: Texts) -> Texts:
    """The 18th character by ISO 7064 MOD 11-2 (GB 11643)."""
    remainder = (_digits(first_seventeen, 17) * _ID_WEIGHTS).sum(axis=1) % 11
    return np.array(list("10X98765432"))[remainder]


def id_numbers(customer: Indexes, birth_date: NDArray[np.datetime64], is_male: NDArray[np.bool_]) -> Texts:
    """18 characters, distinct for up to five million customers; the 17th digit is odd for men."""
    area = np.char.add("99", zero_padded(customer // 500 % 10_000, 4))
    months = birth_date.astype("datetime64[M]")
    number = (months.astype(np.int64) // 12 + 1970) * 10_000 + (months.astype(np.int64) % 12 + 1) * 100
    born = zero_padded(number + (birth_date - months.astype("datetime64[D]")).astype(np.int64) + 1, 8)
    serial = zero_padded(2 * (customer % 500) + is_male, 3)
    front = np.char.add(np.char.add(area, born), serial)
    return np.char.add(front, id_check_digits(front))


def old_id_numbers(id_number: Texts) -> Texts:
    """The 15 digits a person had before: no century, no check digit."""
    letters = np.ascontiguousarray(id_number.astype("U18")).view("U1").reshape(len(id_number), 18)
    kept = np.concatenate([letters[:, :6], letters[:, 8:17]], axis=1)
    return np.ascontiguousarray(kept).view("U15").reshape(len(id_number))


def permit_numbers(customer: Indexes, version: NDArray[np.int64]) -> Texts:
    """Travel permits for Hong Kong and Macau residents: 'H', eight digits, two for the issue."""
    number = zero_padded((customer * 7919 + 13) % 100_000_000, 8)
    issue = zero_padded(version + 1, 2)
    return np.char.add(np.char.add("H", number), issue)


def credit_codes(customer: Indexes) -> Texts:
    """Unified social credit codes with the unassigned area 990000 and a right check character (GB 32100)."""
    front = np.char.add("91990000MA", zero_padded(customer % 10_000_000, 7))
    remainder = (_digits(front, 17, _CREDIT_DIGITS) * _CREDIT_WEIGHTS).sum(axis=1) % 31
    return np.char.add(front, np.array(list(_CREDIT_DIGITS))[(31 - remainder) % 31])


def phone_numbers(owner: Indexes, version: NDArray[np.int64]) -> Texts:
    """Eleven digits from 12500000000 on, distinct per owner and version (at most 8 of them)."""
    serial = (owner * 8 + version) * 48_271 % _PHONE_PRIME + 500_000_000
    return np.char.add("12", serial.astype(str))


def mail_addresses(seed: int, customer: Indexes) -> Texts:
    """Surname in pinyin and a number at a reserved domain."""
    name = np.array(PINYIN)[surname_index(seed, customer)]
    number = (customer * 37 + 1001).astype(str)
    domain = MAIL_DOMAINS[(hashed_uniform(seed, "mail", customer) * 3).astype(np.int64)]
    return np.char.add(np.char.add(np.char.add(name, number), "@"), domain)


def hex_codes(seed: int, name: str, keys: Indexes, prefix: str) -> Texts:
    """`prefix` and 16 hexadecimal digits, distinct in practice, fixed per seed, name and key."""
    high = (hashed_uniform(seed, name + "-high", keys) * 2**32).astype(np.int64).tolist()
    low = (hashed_uniform(seed, name + "-low", keys) * 2**32).astype(np.int64).tolist()
    return np.array([f"{prefix}{a:08x}{b:08x}" for a, b in zip(high, low, strict=True)], dtype=f"U{len(prefix) + 16}")


def addresses(seed: int, keys: Indexes, slot: NDArray[np.int64]) -> Texts:
    """An IP of 198.18.0.0/15 per key and slot; several people may share one, as behind a carrier's gateway."""
    number = (hashed_uniform(seed, "ip", keys, slot) * 2**17).astype(np.int64)
    parts = [(number // 65_536 + 18).astype(str), (number // 256 % 256).astype(str), (number % 256).astype(str)]
    text = np.char.add("198.", parts[0])
    for part in parts[1:]:
        text = np.char.add(np.char.add(text, "."), part)
    return text
