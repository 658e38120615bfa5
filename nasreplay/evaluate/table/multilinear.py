"""The multilinear extension of a table: value and exact gradient of T[w_1, …, w_E], batched over mixtures.

At a vertex it is the table's own number; inside it is the expected value under independent edges. The edges are
split in two halves, so that the whole table is touched by two matrix products and the rest works on small
arrays. Everything runs in blocks of a fixed number of mixtures, zero-padded: a mixture's numbers don't
depend on what else is in the batch (plain matrix products over batches of varying size would).
"""

from __future__ import annotations

import numpy as np

from nasreplay.evaluate.protocol import Mixture
from nasreplay.spaces.base import Space

BLOCK = 64  # mixtures per block; fixed, because changing it changes last bits
ONE_THREAD = 2**18  # multiply-adds up to which BLAS libraries stay on one thread


class Multilinear:
    """A table of shape choices = (O_1, …, O_E), ready to be contracted.

    values: float64 [A] in flat order (last edge fastest); gradients come padded to the largest O.
    """

    def __init__(self, values: np.ndarray, choices: np.ndarray):
        self.choices = [int(c) for c in choices]
        self.half = len(self.choices) // 2
        left = int(np.prod(self.choices[: self.half]))
        self.table = np.ascontiguousarray(values, dtype=np.float64).reshape(left, -1)
        self.transposed = np.ascontiguousarray(self.table.T)
        # products small enough for one thread: threads change last bits, and stall when the cores are busy
        self.columns = BLOCK
        while self.columns > 1 and self.table.size * self.columns > ONE_THREAD:
            self.columns //= 2

    def __call__(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Value [N] and gradient [N, E, O] at weights [N, E, O]; rows need not sum to one."""
        count, edges, options = weights.shape
        blocks = -(-count // BLOCK)
        padded = np.zeros((blocks * BLOCK, edges, options))
        padded[:count] = weights
        # mixtures last: every elementwise pass runs over contiguous blocks
        rows = np.ascontiguousarray(padded.reshape(blocks, BLOCK, edges, options).transpose(2, 0, 3, 1))
        rows = [row[:, :choices] for row, choices in zip(rows, self.choices, strict=True)]
        left, right = _tails(rows[: self.half]), _tails(rows[self.half :])
        parts = _row_gradients(self._product(self.table, right[0]), rows[: self.half], left)
        parts += _row_gradients(self._product(self.transposed, left[0]), rows[self.half :], right)
        gradient = np.zeros((edges, blocks, options, BLOCK))
        for edge, part in enumerate(parts):
            gradient[edge, :, : self.choices[edge]] = part
        value = (parts[0] * rows[0]).sum(axis=1).reshape(-1)[:count]
        return value, np.ascontiguousarray(gradient.transpose(1, 3, 0, 2)).reshape(-1, edges, options)[:count]

    def _product(self, table: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """table [P, Q] @ rows [blocks, Q, BLOCK], a few columns at a time."""
        out = np.empty((len(rows), len(table), BLOCK))
        np.matmul(table, self._sliced(rows), out=self._sliced(out))
        return out

    def _sliced(self, array: np.ndarray) -> np.ndarray:
        return array.reshape(*array.shape[:2], -1, self.columns).transpose(0, 2, 1, 3)


def _tails(rows: list[np.ndarray]) -> list[np.ndarray]:
    """Products of one entry of each row from the first, second, … on: [blocks, Π O, BLOCK], last row fastest."""
    products = [rows[-1]]
    for row in rows[-2::-1]:
        products.append((row[:, :, None] * products[-1][:, None]).reshape(len(row), -1, BLOCK))
    return products[::-1]


def _row_gradients(inner: np.ndarray, rows: list[np.ndarray], tails: list[np.ndarray]) -> list[np.ndarray]:
    """Gradient for each row of Σ inner · (product of the rows); inner is [blocks, Π O, BLOCK], tails are theirs."""
    gradients = []
    for edge, row in enumerate(rows[:-1]):
        inner = inner.reshape(len(row), row.shape[1], -1, BLOCK)
        gradients.append((inner * tails[edge + 1][:, None]).sum(axis=2))
        inner = (inner * row[:, :, None]).sum(axis=1)
    return [*gradients, inner]


def exact_slope(
    space: Space, extension: Multilinear, loss: np.ndarray, mixture: Mixture
) -> tuple[np.ndarray, np.ndarray]:
    """Value [N] and gradient [N, E, O] of the multilinear extension; a gather where a mixture is one-hot.

    `active`, not the floats, says what is one-hot. Inactive operations get the true partial derivative: the
    values of the one-edit neighbors.
    """
    vertex = (mixture.active.sum(axis=-1) == 1).all(axis=-1)
    if not vertex.any():
        return extension(mixture.weights)
    values = np.empty(len(vertex))
    gradient = np.empty(mixture.weights.shape)
    values[vertex], gradient[vertex] = _neighbor_values(space, loss, mixture.active[vertex])
    if not vertex.all():
        values[~vertex], gradient[~vertex] = extension(mixture.weights[~vertex])
    return values, gradient


def _neighbor_values(space: Space, loss: np.ndarray, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    codes = active.argmax(axis=-1)
    flat = space.flat(codes).astype(np.int64)
    strides = np.append(np.cumprod(space.choices[:0:-1])[::-1], 1)
    options = np.minimum(np.arange(active.shape[-1]), space.choices[:, None] - 1)
    around = flat[:, None, None] + (options - codes[:, :, None]) * strides[:, None]
    return loss.take(flat), loss.take(around) * space.mask
