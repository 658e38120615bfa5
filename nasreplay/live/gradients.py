"""Forward and back over a mini-batch, summed over its micro-batches and over processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nasreplay.train.distributed import ProcessGroup, Statistics


class Pass(NamedTuple):
    """What a mini-batch gave; means over its images, S samples of the architecture.

    loss: [S] and slope: [S, E, O] or [S, M, E, O], whose means over the samples are those of the batch; accuracy:
    percent; weights: the gradient of each shared weight, None where nothing depends on it.
    """

    loss: Tensor
    accuracy: float
    weights: list[Tensor | None]
    slope: Tensor


class Sums:
    """The sums of a pass while its micro-batches come.

    weights: the shared weights whose gradients are wanted; rows: the S samples, if their slope is, else none.
    """

    def __init__(self, samples: int, weights: Sequence[Tensor], rows: Sequence[Tensor], like: Tensor):
        self.weights, self.rows = weights, rows
        self.gradients: list[Tensor | None] = [None] * len(weights)
        self.slopes = [torch.zeros_like(row) for row in rows]
        self.loss, self.right = (torch.zeros(count).to(like) for count in (samples, 1))

    def add(self, sample: int, loss: Tensor, right: Tensor) -> None:
        """One micro-batch: its part of the mean loss, with its graph, and of the accuracy in [0, 1]."""
        self.loss[sample] += loss.detach()
        self.right += right
        wanted = [*self.weights, *self.rows[sample : sample + 1]]
        found = list(torch.autograd.grad(loss, wanted, allow_unused=True)) if wanted else []
        if self.rows:
            self.slopes[sample] += found.pop()
        for place, gradient in enumerate(found):
            before = self.gradients[place]
            if gradient is not None:
                self.gradients[place] = gradient if before is None else before + gradient

    def total(self, group: ProcessGroup, statistics: Statistics) -> Pass:
        """Of all processes, in one message; the network keeps the mean statistics."""
        used = torch.tensor([float(gradient is not None) for gradient in self.gradients]).to(self.loss)
        if group.world_size > 1:
            pairs = zip(self.gradients, self.weights, strict=True)
            filled = [
                torch.zeros_like(weight) if gradient is None else gradient for gradient, weight in pairs
            ]
            group.all_reduce([self.loss, self.right, used, *self.slopes, *filled, *statistics.sums])
            self.gradients = [
                gradient if held else None for gradient, held in zip(filled, used > 0, strict=True)
            ]
        statistics.keep()
        samples = len(self.loss)
        slope = torch.stack(self.slopes) if self.rows else torch.empty(0)
        return Pass(samples * self.loss, 100 * self.right.item(), self.gradients, samples * slope)
