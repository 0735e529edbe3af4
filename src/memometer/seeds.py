"""Random generators derived from names, so that order and number of workers change nothing."""

import hashlib

import numpy as np

__all__ = ["rng_for", "seed_for"]


def seed_for(seed: int, *names: str | int) -> int:
    """A 64-bit seed that depends on ``seed`` and ``names`` alone.

    >>> seed_for(0, "bootstrap", 3) == seed_for(0, "bootstrap", 3)
    True
    >>> seed_for(0, "bootstrap", 3) == seed_for(1, "bootstrap", 3)
    False
    """
    text = "\x1f".join([str(seed), *(f"{type(name).__name__}:{name}" for name in names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def rng_for(seed: int, *names: str | int) -> np.random.Generator:
    """A generator for one named use, e.g. ``rng_for(seed, "bootstrap", replicate)``."""
    return np.random.Generator(np.random.PCG64(seed_for(seed, *names)))
