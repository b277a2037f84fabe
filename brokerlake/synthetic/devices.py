"""Phones and computers: several per customer, replaced now and then, some used by two people.

A device is an integer key: customer * 4 + slot (0 first phone, 1 the phone after it, 2 a browser). Prospects who never
become customers have negative keys. The identifier is a fixed hash of the key.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from brokerlake.synthetic import identities
from brokerlake.synthetic.draws import hashed_uniform

FIRST_PHONE, SECOND_PHONE, BROWSER = range(3)
PLATFORMS = ("android", "ios", "harmony", "web")
Keys = NDArray[np.int64]


def replaced_day(seed: int, customer: Keys) -> Keys:
    """Trading day on which a customer begins to use the second phone."""
    wait = -np.log1p(-hashed_uniform(seed, "new-phone", customer)) * 900
    return np.floor(wait).astype(np.int64)


def has_browser(seed: int, customer: Keys) -> NDArray[np.bool_]:
    """A third also use a browser."""
    return hashed_uniform(seed, "has-browser", customer) < 0.33


def borrows(seed: int, customer: Keys) -> NDArray[np.bool_]:
    """Four in a hundred sometimes use the phone of the customer before them (a couple, parent and child)."""
    return (customer % 2 == 1) & (hashed_uniform(seed, "borrows", customer) < 0.08)


def phone_keys(seed: int, customer: Keys, day: int) -> Keys:
    """The phone in use on the day."""
    return customer * 4 + np.where(replaced_day(seed, customer) <= day, SECOND_PHONE, FIRST_PHONE)


def device_keys(seed: int, customer: Keys, day: int, uniform: NDArray[np.float64]) -> Keys:
    """The device of a visit, chosen by one uniform number each."""
    keys = phone_keys(seed, customer, day)
    at_desk = has_browser(seed, customer) & (uniform < 0.25)
    keys = np.where(at_desk, customer * 4 + BROWSER, keys)
    lent = borrows(seed, customer) & (uniform > 0.75)
    return np.where(lent, phone_keys(seed, customer - lent, day), keys)


def device_ids(seed: int, keys: Keys) -> pa.Array:
    """'dv' and 16 hexadecimal digits per key; made once per distinct key."""
    distinct, inverse = np.unique(keys, return_inverse=True)
    return pa.array(identities.hex_codes(seed, "device", distinct, "dv")).take(pa.array(inverse))


def platform_codes(seed: int, keys: Keys) -> NDArray[np.int8]:
    """Index into PLATFORMS."""
    phone = np.searchsorted([0.5, 0.8], hashed_uniform(seed, "platform", keys))
    return np.where((keys >= 0) & (keys % 4 == BROWSER), 3, phone).astype(np.int8)


def ip_texts(seed: int, keys: Keys, uniform: NDArray[np.float64]) -> pa.Array:
    """One of four addresses a device appears with."""
    codes, inverse = np.unique(keys * 4 + (uniform * 4).astype(np.int64), return_inverse=True)
    return pa.array(identities.addresses(seed, codes // 4, codes % 4)).take(pa.array(inverse))
