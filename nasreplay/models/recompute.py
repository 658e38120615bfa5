"""Cells whose intermediate images are computed again in the backward pass instead of being kept.

The same bits as without: running statistics move once, and drop path draws the same numbers again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class Recomputing(Protocol):
    """A network that can run its cells so."""

    checkpoint_cells: bool
    """Whether cells are recomputed."""
    generator: torch.Generator | None
    """Source of the random numbers of drop path."""
    training: bool


def run_cell(network: Recomputing, cell: nn.Module, *inputs: Any) -> Tensor:
    """cell(*inputs), in training keeping no more than inputs and output if the network asks for it."""
    if not (network.checkpoint_cells and network.training and torch.is_grad_enabled()):
        return cell(*inputs)
    noise = network.generator
    contexts = partial(_contexts, cell, noise)
    rest = {"use_reentrant": False, "preserve_rng_state": noise is None, "context_fn": contexts}
    return checkpoint(cell, *inputs, **rest)  # pyright: ignore[reportReturnType]


def _contexts(
    cell: nn.Module, noise: torch.Generator | None
) -> tuple[AbstractContextManager, AbstractContextManager]:
    """The contexts of the first pass, and of the second one, which must leave no trace."""
    return nullcontext(), _again(cell, noise, None if noise is None else noise.get_state())


@contextmanager
def _again(cell: nn.Module, noise: torch.Generator | None, drawn: Tensor | None) -> Iterator[None]:
    with kept_buffers(cell):
        if noise is None or drawn is None:
            yield
            return
        now = noise.get_state()
        noise.set_state(drawn)
        try:
            yield
        finally:
            noise.set_state(now)


@contextmanager
def kept_buffers(net: nn.Module) -> Iterator[None]:
    """A context in which batch-norm statistics may move; at its end they are restored."""
    values = [buffer.clone() for buffer in net.buffers()] if net.training else []
    try:
        yield
    finally:
        for buffer, value in zip(net.buffers(), values, strict=False):
            buffer.copy_(value)
