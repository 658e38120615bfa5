"""Gradients of one mini-batch, summed over its micro-batches and over all ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from nasreplay.models.auxiliary_heads import weighted
from nasreplay.train.distributed import ProcessGroup, Statistics
from nasreplay.train.loop import in_parts

TRAIN, ARCH = 0, 1
"""Which of a step's two mini-batches: the one that weights learn from, or the one that the architecture does."""


def mean_loss(
    output: Tensor | tuple[Tensor, Tensor],
    labels: Tensor,
    weight: float,
    dtype: torch.dtype,
    rule: str = "equal",
) -> Tensor:
    """Mean cross-entropy of a network's output, plus `weight` times its auxiliary heads', weighed by a rule."""
    logits, auxiliary = in_parts(output)
    loss = cross_entropy(logits.to(dtype), labels)
    if auxiliary is None:
        return loss
    heads = weighted(auxiliary.to(dtype), rule)
    return loss + weight * sum(share * cross_entropy(each, labels) for share, each in heads)


class StepGradients(NamedTuple):
    """What forward and backward over a mini-batch gave; S samples of the architecture, of which means are taken."""

    loss: Tensor
    """[S]: mean cross-entropy of each sample's images."""
    accuracy: float
    """Accuracy on the mini-batch, percent."""
    weights: list[Tensor | None]
    """The gradient of each shared weight, None where nothing depends on it."""
    slope: Tensor
    """[S, E, O] or [S, M, E, O]: the gradient of each sample's mixture; empty if it was not wanted."""


class Backward(Protocol):
    """Forward and backward over one of a step's mini-batches."""

    def __call__(self, which: int, *, weights: bool = False, slope: bool = False) -> StepGradients:
        """Gradients of the batch TRAIN or ARCH; weights, slope: which ones are wanted."""
        ...


class GradientSum:
    """Running sums of loss, accuracy and gradients over the micro-batches of a mini-batch.

    weights: the shared weights whose gradients are wanted.
    mixtures: the S samples, if their slope is wanted, else none.
    """

    def __init__(self, samples: int, weights: Sequence[Tensor], mixtures: Sequence[Tensor], like: Tensor):
        self.weights, self.mixtures = weights, mixtures
        self.gradients: list[Tensor | None] = [None] * len(weights)
        self.slopes = [torch.zeros_like(mixture) for mixture in mixtures]
        self.loss, self.right = (torch.zeros(count).to(like) for count in (samples, 1))

    def add(self, sample: int, loss: Tensor, right: Tensor) -> None:
        """Add a micro-batch: its part of the mean loss, with its graph, and of the accuracy in [0, 1]."""
        self.loss[sample] += loss.detach()
        self.right += right
        wanted = [*self.weights, *self.mixtures[sample : sample + 1]]
        found = list(torch.autograd.grad(loss, wanted, allow_unused=True)) if wanted else []
        if self.mixtures:
            self.slopes[sample] += found.pop()
        for index, gradient in enumerate(found):
            before = self.gradients[index]
            if gradient is not None:
                self.gradients[index] = gradient if before is None else before + gradient

    def all_reduce(self, group: ProcessGroup, statistics: Statistics) -> StepGradients:
        """Sum loss, accuracy and gradients over all ranks in one message; store the mean batch-norm statistics."""
        used = torch.tensor([float(gradient is not None) for gradient in self.gradients]).to(self.loss)
        if group.world_size > 1:
            pairs = zip(self.gradients, self.weights, strict=True)
            filled = [
                torch.zeros_like(weight) if gradient is None else gradient for gradient, weight in pairs
            ]
            group.all_reduce([self.loss, self.right, used, *self.slopes, *filled, *statistics.sums])
            self.gradients = [
                gradient if anywhere else None for gradient, anywhere in zip(filled, used > 0, strict=True)
            ]
        statistics.keep()
        samples = len(self.loss)
        slope = torch.stack(self.slopes) if self.mixtures else torch.empty(0)
        return StepGradients(samples * self.loss, 100 * self.right.item(), self.gradients, samples * slope)
