"""Random numbers that depend on nothing but (root seed, stream name, replica, position).

Replica r of seed s draws the same numbers alone, in any batch, in any process: each number is a hash of
its coordinates (a counter-based generator), so there is no shared state to disturb. The mixing function
is SplitMix64 (Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014),
computed for all replicas at once.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

import numpy as np

GAMMA = np.uint64(0x9E3779B97F4A7C15)


def root_seed(seed: int) -> int:
    """The seed itself, or for -1 a fresh one from the system (to be printed and recorded)."""
    return secrets.randbelow(2**31) if seed == -1 else seed


class Draws:
    """The next numbers of a stream, for some of its replicas: every method returns one row per replica."""

    def __init__(self, stream: Stream, rows: np.ndarray):
        self.stream, self.rows = stream, rows

    def __len__(self) -> int:
        return len(self.rows)

    def uniform(self, count: int) -> np.ndarray:
        """float64 [n, count] in [0, 1), 53 random bits each."""
        return (self._bits(count) >> np.uint64(11)) * 2.0**-53

    def integers(self, high: int | np.ndarray, count: int) -> np.ndarray:
        """int64 [n, count] in 0..high-1; `high` broadcasts over the columns or rows."""
        return (self.uniform(count) * high).astype(np.int64)

    def normal(self, count: int) -> np.ndarray:
        """float64 [n, count], standard normal (Box-Muller)."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(count)))
        return radius * np.cos(2.0 * np.pi * self.uniform(count))

    def gumbel(self, count: int) -> np.ndarray:
        """float64 [n, count], standard Gumbel: -ln(-ln u), with u strictly between 0 and 1."""
        u = ((self._bits(count) >> np.uint64(12)) + 0.5) * 2.0**-52
        return -np.log(-np.log(u))

    def permutation(self, length: int) -> np.ndarray:
        """int64 [n, length], a uniform permutation of 0..length-1 per replica."""
        return np.argsort(self.uniform(length), axis=1, kind="stable")

    def _bits(self, count: int) -> np.ndarray:
        stream, rows = self.stream, self.rows
        first = stream.position[rows]
        stream.position[rows] = first + np.uint64(count)
        x = stream.keys[rows][:, None] + (first[:, None] + np.arange(1, count + 1, dtype=np.uint64)) * GAMMA
        x ^= x >> np.uint64(30)
        x *= np.uint64(0xBF58476D1CE4E5B9)
        x ^= x >> np.uint64(27)
        x *= np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
        return x


class Stream:
    """One named stream per replica; `position` (numbers drawn so far) is its whole state.

    keys, position: uint64 [R].
    """

    def __init__(self, seed: int, name: str, replicas: Iterable[int] = (0,)):
        self.keys = np.array([_key(seed, name, replica) for replica in replicas], dtype=np.uint64)
        self.position = np.zeros(len(self.keys), dtype=np.uint64)

    def at(self, rows: np.ndarray | slice | None = None) -> Draws:
        """Draws for the given rows (positions in the replica list); all of them when left out."""
        every = np.arange(len(self.keys))
        return Draws(self, every if rows is None else every[rows])


def _key(seed: int, name: str, replica: int) -> int:
    digest = hashlib.blake2b(f"{seed}/{name}/{replica}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
