"""The losses of auxiliary heads, where a network has several: how much each counts beside the others."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

HEADS: dict[str, Callable[[int], list[float]]] = {
    "equal": lambda count: [1.0] * count,
    "rising": lambda count: [2 * (place + 1) / (count * (count + 1)) for place in range(count)],
    "first": lambda count: [1.0] + [0.0] * (count - 1),
}
"""Weights of so many heads, in the order of the network: all 1, in proportion to their number and 1 in all, or the
first one alone."""


def weighted(auxiliary: Tensor, rule: str = "equal") -> list[tuple[float, Tensor]]:
    """(weight, logits [B, K]) of each head that counts by a rule of HEADS, of logits [B, K] of one, or [A, B, K]."""
    heads = auxiliary if auxiliary.dim() == 3 else auxiliary[None]
    return [(weight, head) for weight, head in zip(HEADS[rule](len(heads)), heads, strict=True) if weight]
