"""Random numbers that depend on (seed, name, day) only, so any day can be made again on its own."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

NEVER = 2**30  # a trading day beyond every history


def stream(seed: int, name: str, day: int = 0) -> np.random.Generator:
    """The generator of one named stream of one day (0 = first day of history)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, crc32(name.encode()), day])))


def hashed_uniform(seed: int, name: str, *keys: NDArray[np.int64] | int) -> NDArray[np.float64]:
    """A fixed number in [0, 1) per combination of integer keys (broadcast); SplitMix64 finaliser."""
    with np.errstate(over="ignore"):
        mixed = np.asarray(np.uint64(seed) ^ (np.uint64(crc32(name.encode())) << np.uint64(32)))
        for key in keys:
            mixed = mixed + np.asarray(key, dtype=np.int64).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed = mixed ^ (mixed >> np.uint64(31))
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def occurs(generator: np.random.Generator, chance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """True with the given chance, one draw per element."""
    return generator.random(len(chance)) < chance
