"""The second order of DARTS: the slope after one unrolled weight step, with a finite-difference Hessian product.

Liu et al., DARTS, ICLR 2019, equations 7 and 8, exactly as the published code computes them (spec: weight
sharing, section 5). The weights are moved in place and put back: no copy of the network is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from nasreplay.evaluate.protocol import Mixture
from nasreplay.models.recompute import kept_buffers
from nasreplay.train.batches import Batch

if TYPE_CHECKING:
    from nasreplay.evaluate.supernet import SupernetEvaluator

RADIUS = 0.01


def unrolled_gradient(
    supernet: SupernetEvaluator, mixture: Mixture, weights: Tensor, train: Batch, valid: Batch
) -> tuple[Tensor, Tensor, Tensor]:
    """(validation loss, logits, gradient [E, O]) after the step w' = w − η (μ b + ∇L_train + λ w).

    The running batch-norm statistics move in the three passes on the training batch, as published, and not in
    the one on the validation batch.
    """
    parameters = supernet.weights
    start = [p.detach().clone() for p in parameters]
    rate = supernet.optimizer.param_groups[0]["lr"]
    slopes = _gradients(supernet.loss(train, weights, mixture)[0], parameters)
    _step(supernet, slopes, rate)
    with kept_buffers(supernet.net):
        loss, logits = supernet.loss(valid, weights, mixture)
        *direction, gradient = torch.autograd.grad(loss, [*parameters, weights], allow_unused=True)
    direction = [torch.zeros_like(p) if d is None else d for d, p in zip(direction, parameters, strict=True)]
    radius = RADIUS / torch.sqrt(sum((d.double() ** 2).sum() for d in direction)).item()  # pyright: ignore
    sides = []
    for sign in (1, -1):
        with torch.no_grad():
            for p, w, d in zip(parameters, start, direction, strict=True):
                p.copy_(w + sign * radius * d)
        (side,) = torch.autograd.grad(supernet.loss(train, weights, mixture)[0], [weights])
        sides.append(side)
    with torch.no_grad():
        for p, w in zip(parameters, start, strict=True):
            p.copy_(w)
    return loss, logits, gradient - rate * (sides[0] - sides[1]) / (2 * radius)


def _gradients(loss: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, parameters, strict=True)]


@torch.no_grad()
def _step(supernet: SupernetEvaluator, slopes: list[Tensor], rate: float) -> None:
    recipe, moments = supernet.recipe, supernet.optimizer.state
    known = all("momentum_buffer" in moments[p] for p in supernet.weights)  # as published: all or none
    for p, slope in zip(supernet.weights, slopes, strict=True):
        move = slope + recipe.decay * p
        if known:
            move = move + recipe.momentum * moments[p]["momentum_buffer"]
        p -= rate * move
