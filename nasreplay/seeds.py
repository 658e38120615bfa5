"""Random numbers that depend on nothing but (root seed, stream name, replica, position).

Replica r of seed s draws the same numbers alone, in any batch, in any process: each number is a hash of
its coordinates (a counter-based generator), so there is no shared state to disturb. The mixing function
is SplitMix64 (Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014),
computed for all replicas at once.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

GAMMA = np.uint64(0x9E3779B97F4A7C15)


def root_seed(seed: int) -> int:
    """The seed itself, or for -1 a fresh one from the system (to be printed and recorded)."""
    import secrets

    return secrets.randbelow(2**31) if seed == -1 else seed


class Draws:
    """The next numbers of a stream, for some of its replicas: every method returns one row per replica."""

    def __init__(self, stream: Stream, rows: np.ndarray):
        self.stream, self.rows = stream, rows

    def __len__(self) -> int:
        return len(self.rows)

    def uniform(self, count: int) -> np.ndarray:
        """float64 [n, count] in [0, 1), 53 random bits each."""
        return _unit(self._bits(count))

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

    def categorical(self, probabilities: np.ndarray) -> np.ndarray:
        """int8 [n, ...]: one option per row of probabilities [n, ..., O]; options of probability 0 never come."""
        bounds = np.cumsum(probabilities, axis=-1)
        shape = probabilities.shape[:-1]
        mark = self.uniform(int(np.prod(shape[1:]))).reshape(shape)[..., None] * bounds[..., -1:]
        return (mark >= bounds[..., :-1]).sum(axis=-1).astype(np.int8)

    def permutation(self, length: int) -> np.ndarray:
        """int64 [n, length], a uniform permutation of 0..length-1 per replica."""
        return np.argsort(self.uniform(length), axis=1, kind="stable")

    def _bits(self, count: int) -> np.ndarray:
        stream, rows = self.stream, self.rows
        first = stream.position[rows]
        stream.position[rows] = first + np.uint64(count)
        return _mix(stream.keys[rows][:, None], first[:, None] + np.arange(1, count + 1, dtype=np.uint64))


class Stream:
    """One named stream per replica; `position` (numbers drawn so far) is its whole state.

    keys, position: uint64 [R].
    """

    def __init__(self, seed: int, name: str, replicas: Iterable[int] = (0,)):
        self.keys = np.array([_key(seed, name, replica) for replica in replicas], dtype=np.uint64)
        self.position = np.zeros(len(self.keys), dtype=np.uint64)

    def each(self, rows: np.ndarray) -> np.ndarray:
        """float64 [n] in [0, 1): the next number of each row's replica; rows may repeat."""
        if len(self.keys) == 1:
            return self.at().uniform(len(rows))[0]
        if np.all(rows[1:] > rows[:-1]):
            return self.at(rows).uniform(1)[:, 0]
        asking, place = np.unique(rows, return_inverse=True)
        rank = rank_within(place)
        bits = _mix(self.keys[rows], self.position[rows] + rank.astype(np.uint64) + np.uint64(1))
        self.position[asking] += np.bincount(place).astype(np.uint64)
        return _unit(bits)

    def at(self, rows: np.ndarray | slice | None = None) -> Draws:
        """Draws for the given rows (positions in the replica list); all of them when left out."""
        every = np.arange(len(self.keys))
        return Draws(self, every if rows is None else every[rows])


def _key(seed: int, name: str, replica: int) -> int:
    from hashlib import blake2b

    digest = blake2b(f"{seed}/{name}/{replica}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def rank_within(groups: np.ndarray) -> np.ndarray:
    """int64 [N]: how many earlier rows belong to the same group (groups are small non-negative integers)."""
    if (groups[1:] > groups[:-1]).all():  # as when every replica asks once
        return np.zeros(len(groups), dtype=np.int64)
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    rank = np.empty(len(groups), dtype=np.int64)
    rank[order] = np.arange(len(groups)) - np.repeat(starts, sizes)
    return rank


def _mix(keys: np.ndarray, position: np.ndarray) -> np.ndarray:
    x = keys + position * GAMMA
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def _unit(bits: np.ndarray) -> np.ndarray:
    return (bits >> np.uint64(11)) * 2.0**-53
